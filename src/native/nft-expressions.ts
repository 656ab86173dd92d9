/**
 * nf_tables expressions as rules are made of, one type an expression. Numbers and byte orders live in the addon's
 * schema (`native/nftables/expression_schema.cc`); the words here are nft's own.
 */

/** A register: 1–4 are 16 bytes wide, 8–23 are the same memory in 4-byte steps (8 is the start of 1). */
export type Register = number

/** What a rule or a verdict map does with a packet. */
export type Verdict =
  | 'accept'
  | 'drop'
  | 'continue'
  | 'break'
  | 'return'
  | { readonly kind: 'goto' | 'jump'; readonly chain: string }

export type PayloadBase = 'link' | 'network' | 'transport' | 'inner'
export type NatFlag =
  | 'map-ips'
  | 'proto-specified'
  | 'random'
  | 'persistent'
  | 'fully-random'
  | 'proto-offset'
  | 'netmap'

/** Keys that Hawser uses are spelled out; any other word of the schema is accepted as well. */
export type MetaKey =
  | 'l4proto'
  | 'nfproto'
  | 'mark'
  | 'priority'
  | 'iif'
  | 'oif'
  | 'iifname'
  | 'oifname'
  | 'time'
  | (string & {})
export type CtKey = 'state' | 'status' | 'mark' | 'direction' | 'zone' | 'id' | (string & {})

/** Loads `length` bytes of a header at `offset` into `dreg`. */
export type PayloadLoad = {
  readonly expr: 'payload'
  readonly dreg: Register
  readonly base: PayloadBase
  readonly offset: number
  readonly length: number
}

/** Writes `length` bytes of `sreg` into a header and mends its checksum. */
export type PayloadStore = {
  readonly expr: 'payload'
  readonly sreg: Register
  readonly base: PayloadBase
  readonly offset: number
  readonly length: number
  readonly checksumType?: 'none' | 'inet' | 'sctp'
  readonly checksumOffset?: number
  readonly checksumFlags?: readonly 'pseudo-header'[]
}

export type MetaLoad = { readonly expr: 'meta'; readonly key: MetaKey; readonly dreg: Register }
export type MetaStore = { readonly expr: 'meta'; readonly key: MetaKey; readonly sreg: Register }

/** Goes on with the rule when the comparison holds; `data` has the width of what is compared. */
export type Cmp = {
  readonly expr: 'cmp'
  readonly sreg: Register
  readonly op: 'eq' | 'neq' | 'lt' | 'lte' | 'gt' | 'gte'
  readonly data: Uint8Array
}

export type Range = {
  readonly expr: 'range'
  readonly sreg: Register
  readonly op: 'eq' | 'neq'
  readonly from: Uint8Array
  readonly to: Uint8Array
}

/** dreg = (sreg & mask) ^ xor, over `length` bytes; shifts take `data`, a number of bits. */
export type Bitwise = {
  readonly expr: 'bitwise'
  readonly sreg: Register
  readonly dreg: Register
  readonly op?: 'mask-xor' | 'lshift' | 'rshift'
  readonly length: number
  readonly mask?: Uint8Array
  readonly xor?: Uint8Array
  readonly data?: Uint8Array
}

export type Byteorder = {
  readonly expr: 'byteorder'
  readonly sreg: Register
  readonly dreg: Register
  readonly op: 'ntoh' | 'hton'
  /** Bytes in all, and bytes of one value. */
  readonly length: number
  readonly size: number
}

/** Loads a constant, or with dreg 0 a verdict, which ends the rule. */
export type Immediate = {
  readonly expr: 'immediate'
  readonly dreg: Register
  readonly data: Uint8Array | Verdict
}

/** Looks the key in `sreg` up; a map's data goes to `dreg` (0 for a verdict map). */
export type Lookup = {
  readonly expr: 'lookup'
  readonly sreg: Register
  readonly dreg?: Register
  readonly set: string
  readonly flags?: readonly 'invert'[]
}

/** Adds, refreshes or deletes an element of a set with the flag `eval`. */
export type Dynset = {
  readonly expr: 'dynset'
  readonly sregKey: Register
  readonly sregData?: Register
  readonly op: 'add' | 'update' | 'delete'
  readonly timeoutMs?: number
  readonly set: string
  readonly flags?: readonly ('invert' | 'expressions')[]
}

/** dreg = a number from offset to offset + modulus - 1. */
export type Numgen = {
  readonly expr: 'numgen'
  readonly dreg: Register
  readonly modulus: number
  readonly type: 'inc' | 'random'
  readonly offset?: number
}

export type Hash = {
  readonly expr: 'hash'
  readonly sreg?: Register
  readonly dreg: Register
  readonly length?: number
  readonly modulus: number
  readonly seed?: number
  readonly offset?: number
  readonly type: 'jenkins' | 'symmetric'
}

/** Translates to the address and port in registers. */
export type Nat = {
  readonly expr: 'nat'
  readonly type: 'snat' | 'dnat'
  readonly family: 'ip' | 'ip6'
  readonly addressMin?: Register
  readonly addressMax?: Register
  readonly protoMin?: Register
  readonly protoMax?: Register
  readonly flags?: readonly NatFlag[]
}

export type Masq = {
  readonly expr: 'masq'
  readonly flags?: readonly NatFlag[]
  readonly protoMin?: Register
  readonly protoMax?: Register
}

export type Redirect = {
  readonly expr: 'redir'
  readonly protoMin?: Register
  readonly protoMax?: Register
  readonly flags?: readonly NatFlag[]
}

/** `code` is the ICMP or ICMPv6 code; icmpx has the kernel's own, 1 for port unreachable. */
export type Reject = {
  readonly expr: 'reject'
  readonly type: 'icmp-unreachable' | 'tcp-reset' | 'icmpx-unreachable'
  readonly code: number
}

export type CtLoad = {
  readonly expr: 'ct'
  readonly key: CtKey
  readonly dreg: Register
  readonly direction?: 'original' | 'reply'
}
export type CtStore = {
  readonly expr: 'ct'
  readonly key: CtKey
  readonly sreg: Register
  readonly direction?: 'original' | 'reply'
}

/** Asks the routing table: `type` gives an RTN_ number (2 is local), `oif` an interface index. */
export type Fib = {
  readonly expr: 'fib'
  readonly flags: readonly ('saddr' | 'daddr' | 'mark' | 'iif' | 'oif' | 'present')[]
  readonly result: 'oif' | 'oifname' | 'type'
  readonly dreg: Register
}

export type Counter = { readonly expr: 'counter'; readonly bytes?: number; readonly packets?: number }

export type Limit = {
  readonly expr: 'limit'
  readonly rate: number
  /** Seconds. */
  readonly unit: number
  readonly burst?: number
  readonly type: 'packets' | 'bytes'
  readonly flags?: readonly 'invert'[]
}

export type Quota = {
  readonly expr: 'quota'
  readonly bytes: number
  readonly consumed?: number
  readonly flags?: readonly ('invert' | 'depleted')[]
}

/** An xtables match or target, as iptables-nft makes them; `info` is the extension's own struct. */
export type XtablesMatch = {
  readonly expr: 'match' | 'target'
  readonly name: string
  readonly revision: number
  readonly info: Uint8Array
}

export type RouteLoad = { readonly expr: 'rt'; readonly key: string; readonly dreg: Register }
export type SocketLoad = {
  readonly expr: 'socket'
  readonly key: string
  readonly dreg: Register
  readonly level?: number
}
export type Log = {
  readonly expr: 'log'
  readonly prefix?: string
  readonly group?: number
  readonly snaplen?: number
  readonly level?: number
  readonly flags?: number
}

export type Expression =
  | PayloadLoad
  | PayloadStore
  | MetaLoad
  | MetaStore
  | Cmp
  | Range
  | Bitwise
  | Byteorder
  | Immediate
  | Lookup
  | Dynset
  | Numgen
  | Hash
  | Nat
  | Masq
  | Redirect
  | Reject
  | CtLoad
  | CtStore
  | Fib
  | Counter
  | Limit
  | Quota
  | XtablesMatch
  | RouteLoad
  | SocketLoad
  | Log

/** An expression of someone else's rule that the schema does not know: `data` is its NFTA_EXPR_DATA. */
export type UnknownExpression = { readonly expr: 'unknown'; readonly name: string; readonly data: Uint8Array }
