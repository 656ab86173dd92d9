import type { Protocol } from '../../model/service.ts'
import type { Cidr, IpAddress } from '../../util/address.ts'
import type { PodInterface } from '../family-config.ts'

/** The tables that have rules of ours, in the order in which iptables-save prints them. */
export const TABLES = ['filter', 'nat'] as const
/** Where a former kube-proxy has left something as well. */
export const FORMER_TABLES = [...TABLES, 'mangle'] as const
export type Table = (typeof FORMER_TABLES)[number]

export type ConnectionState = 'INVALID' | 'NEW' | 'RELATED' | 'ESTABLISHED' | 'DNAT'

/** `-m EXTENSION …` */
export type Match =
  | { readonly match: 'comment'; readonly text: string }
  /** `-m tcp --dport 80`, for the rule's own protocol. */
  | { readonly match: 'dport'; readonly port: number }
  /** `-m tcp`: nothing but the protocol, which DNAT to a port needs. */
  | { readonly match: 'protocol' }
  | { readonly match: 'addrtype'; readonly local: 'src' | 'dst' }
  /** Every `among`th connection at random. */
  | { readonly match: 'statistic'; readonly among: number }
  /** Remembers the source address in a list, or looks for it there. */
  | { readonly match: 'recent'; readonly list: string; readonly remember: true }
  | { readonly match: 'recent'; readonly list: string; readonly withinSeconds: number }
  /** In one of these states, or with `not` in none. */
  | { readonly match: 'conntrack'; readonly states: readonly ConnectionState[]; readonly not?: boolean }
  | { readonly match: 'mark'; readonly bits: number; readonly set: boolean }

/** `-j TARGET` */
export type Target =
  | { readonly target: 'jump'; readonly chain: string }
  /** REJECT: a reset for TCP, port unreachable for others. */
  | { readonly target: 'ACCEPT' | 'DROP' | 'RETURN' | 'REJECT' | 'MASQUERADE' }
  /** `--set-xmark value/mask` */
  | { readonly target: 'MARK'; readonly value: number; readonly mask: number }
  | { readonly target: 'DNAT'; readonly address: IpAddress; readonly port: number }
  /** No `-j` at all: the rule is a remark. */
  | { readonly target: 'none' }

/** One rule, in iptables' own terms: what `iptables-save` prints and what the kernel gets are functions of it. */
export interface Rule {
  readonly source?: Cidr
  /** `! -s`: sources outside of `source`. */
  readonly notSource?: boolean
  readonly destination?: Cidr
  /** `! -d`: destinations outside of `destination`. */
  readonly notDestination?: boolean
  /** `-i` */
  readonly input?: PodInterface
  /** `! -i`: everything that does not come in there, what this machine sends included. */
  readonly notInput?: boolean
  readonly protocol?: Protocol
  readonly matches: readonly Match[]
  readonly target: Target
}

/** A chain of a table with its rules in order. */
export interface Chain {
  readonly table: Table
  readonly name: string
  readonly rules: readonly Rule[]
}

/** A rule of a chain that many Services share. */
export interface PlacedRule {
  readonly table: Table
  readonly chain: string
  readonly rule: Rule
}

export const comment = (text: string): Match => ({ match: 'comment', text })
export const jump = (chain: string): Target => ({ target: 'jump', chain })
