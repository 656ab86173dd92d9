/**
 * nft's `typeof` words: what a field of a set's key or data is, how wide it is, and which of nft's type numbers and
 * typeof expressions stand for it. Type numbers: nftables datatype.h, enum datatypes; expression kinds: expression.h,
 * enum expr_types; header and field numbers: proto.h and the *hdr_fields enums; all as nft 1.0.6 writes them.
 */
/** enum datatypes of nftables. */
const TYPE = {
  verdict: 1,
  integer: 4,
  ipAddress: 7,
  ip6Address: 8,
  inetProtocol: 12,
  inetService: 13,
  mark: 19,
  classId: 23,
  interfaceName: 41,
} as const

/** Bits of one type number inside that of a concatenation (NFT's TYPE_BITS). */
const TYPE_BITS = 6

interface Term {
  readonly type: number
  /** Bytes of a value, unpadded. */
  readonly width: number
  readonly order: 'none' | 'host' | 'big'
  /** enum expr_types: 1 verdict, 7 payload, 9 meta, 12 ct. */
  readonly kind: number
  /** What the expression kind needs: header and field, or a key. */
  readonly args: readonly number[]
}

const VERDICT = 1
const PAYLOAD = 7
const META = 9
const CT = 12
/** enum proto_desc_id. */
const TH = 11
const IP = 12
const IP6 = 13
/** A ct key without a direction (int8_t -1, widened). */
const NO_DIRECTION = 0xffffffff

export const NFT_TERMS = {
  'ip saddr': { type: TYPE.ipAddress, width: 4, order: 'big', kind: PAYLOAD, args: [IP, 11] },
  'ip daddr': { type: TYPE.ipAddress, width: 4, order: 'big', kind: PAYLOAD, args: [IP, 12] },
  'ip6 saddr': { type: TYPE.ip6Address, width: 16, order: 'big', kind: PAYLOAD, args: [IP6, 8] },
  'ip6 daddr': { type: TYPE.ip6Address, width: 16, order: 'big', kind: PAYLOAD, args: [IP6, 9] },
  'th sport': { type: TYPE.inetService, width: 2, order: 'big', kind: PAYLOAD, args: [TH, 1] },
  'th dport': { type: TYPE.inetService, width: 2, order: 'big', kind: PAYLOAD, args: [TH, 2] },
  'meta l4proto': { type: TYPE.inetProtocol, width: 1, order: 'host', kind: META, args: [16] },
  'meta mark': { type: TYPE.mark, width: 4, order: 'host', kind: META, args: [3] },
  'meta priority': { type: TYPE.classId, width: 4, order: 'host', kind: META, args: [2] },
  'meta iifname': { type: TYPE.interfaceName, width: 16, order: 'host', kind: META, args: [6] },
  'ct mark': { type: TYPE.mark, width: 4, order: 'host', kind: CT, args: [3, NO_DIRECTION] },
  verdict: { type: TYPE.verdict, width: 0, order: 'none', kind: VERDICT, args: [] },
} as const satisfies Readonly<Record<string, Term>>

/** `numgen random mod N`, a 4-byte field in host order. */
export interface NumgenTerm {
  readonly numgen: 'random' | 'inc'
  readonly modulus: number
  readonly offset?: number
}
export type TypeofTerm = Exclude<keyof typeof NFT_TERMS, 'verdict'> | NumgenTerm

const NUMGEN = { type: TYPE.integer, width: 4 } as const

/** nft's type number and the width of one field. */
export const termOf = (term: TypeofTerm | 'verdict') => (typeof term === 'string' ? NFT_TERMS[term] : NUMGEN)

/** The type number of one field or of a concatenation. */
export const typeNumber = (terms: readonly (TypeofTerm | 'verdict')[]): number =>
  terms.reduce((number, term) => number * 2 ** TYPE_BITS + termOf(term).type, 0)

/** Bytes of a key or of data: in a concatenation every field is padded to 4, alone it is not. */
export const typeWidth = (terms: readonly (TypeofTerm | 'verdict')[]): number =>
  terms.length === 1
    ? terms.reduce((_, term) => termOf(term).width, 0)
    : terms.reduce((sum, term) => sum + Math.ceil(termOf(term).width / 4) * 4, 0)
