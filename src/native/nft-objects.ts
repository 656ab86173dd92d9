/** Tables, chains and sets of nf_tables as they are made and as a dump shows them. */
import type { Expression, UnknownExpression, Verdict } from './nft-expressions.ts'

export type NftFamily = 'ip' | 'ip6' | 'inet'

/** NFPROTO_ numbers of linux/netfilter.h. */
export const FAMILY_NUMBERS: Readonly<Record<NftFamily, number>> = { inet: 1, ip: 2, ip6: 10 }

/** NFT_SET_ flags of linux/netfilter/nf_tables.h; `map` is implied by `dataType`. */
export const SET_FLAGS = { interval: 0x4, map: 0x8, timeout: 0x10, eval: 0x20, concat: 0x80 } as const
export type SetFlag = Exclude<keyof typeof SET_FLAGS, 'map'>

/** Longest that the kernel takes as user data of a set, rule or chain (NFT_USERDATA_MAXLEN). */
export const USER_DATA_LIMIT = 256

export interface SetSpec {
  readonly name: string
  /** nft's type number, for nft's eyes only; concatenations have 6 bits a type (`concatenatedType`). */
  readonly keyType: number
  /** Bytes of a key; every field of a concatenation is padded to 4. */
  readonly keyLength: number
  /** Makes it a map: nft's type number of the data, or verdicts. */
  readonly dataType?: number | 'verdict'
  /** Bytes of the data; not for verdicts. */
  readonly dataLength?: number
  readonly flags?: readonly SetFlag[]
  /** Default lifetime of an element; needs the flag `timeout`. */
  readonly timeoutMs?: number
  /** Hard cap on the number of elements; a set that has one is twice as fast to load. */
  readonly size?: number
  /** Bytes of each field of a concatenated interval key (NFTA_SET_DESC_CONCAT), unpadded. */
  readonly fieldLengths?: readonly number[]
  readonly userData?: Uint8Array
}

export type ChainHook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting'
/** NF_INET_ numbers of linux/netfilter.h, by index. */
export const HOOKS: readonly ChainHook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting']

export interface BaseChain {
  readonly type: 'nat' | 'filter' | 'route'
  readonly hook: ChainHook
  readonly priority: number
  /** Default `accept`. */
  readonly policy?: 'accept' | 'drop'
}

export interface ChainSpec {
  readonly name: string
  readonly hook?: BaseChain
  readonly userData?: Uint8Array
}

/**
 * Fixed-width records, back to back: key, key end, data. Numbers are in the byte order in which rules load them: network
 * order from packets, host order from meta and ct. Key ends (inclusive) belong to interval sets over a concatenation;
 * those over a single field, which the kernel keeps in another form, cannot be written.
 */
export interface ElementLayout {
  readonly keyLength: number
  readonly keyEnd?: boolean
  readonly dataLength?: number
}

/** Bytes of one record. */
export const recordWidth = ({ keyLength, keyEnd, dataLength }: ElementLayout): number =>
  keyLength * (keyEnd === true ? 2 : 1) + (dataLength ?? 0)

export interface VerdictElement {
  readonly key: Uint8Array
  readonly verdict: Verdict
}

export interface TableInfo {
  readonly name: string
  readonly flags: number
  readonly handle: number
  /** Chains, sets and objects in it. */
  readonly use: number
}

export interface ChainInfo {
  readonly name: string
  readonly handle: number
  /** Rules in it and references to it. */
  readonly use: number
  readonly hook?: BaseChain
  readonly userData: Uint8Array
}

export interface SetInfo {
  readonly name: string
  readonly handle: number
  /** NFT_SET_ bits; `map` included. */
  readonly flags: number
  readonly keyType: number
  readonly keyLength: number
  readonly dataType?: number | 'verdict'
  readonly dataLength?: number
  readonly size?: number
  readonly timeoutMs?: number
  readonly fieldLengths: readonly number[]
  readonly userData: Uint8Array
}

export interface RuleInfo {
  readonly chain: string
  readonly handle: number
  readonly expressions: readonly (Expression | UnknownExpression)[]
  readonly userData: Uint8Array
}
