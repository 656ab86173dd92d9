/**
 * User data: the notes that nft keeps beside sets, chains and rules, without which it lists numbers instead of the
 * words they were written in. The kernel stores it unread. Layout: type-length-value with one byte each for type and
 * length, nested where a value is structured, integers host-endian. Numbers as nft 1.0.6 with libnftnl 1.2.4 write
 * them (libnftnl udata.h, enum nftnl_udata_types and nftnl_udata_set_types; nftables expression.h, enum expr_types).
 */
import { endianness } from 'node:os'
import { NFT_TERMS, type NumgenTerm, type TypeofTerm } from './nft-typeof.ts'

/** enum nftnl_udata_set_types. */
const SET = {
  keyByteOrder: 0,
  dataByteOrder: 1,
  keyTypeof: 3,
  dataTypeof: 4,
  dataInterval: 6,
  comment: 7,
} as const
/** A typeof expression: its kind (enum expr_types) and what that kind needs to be rebuilt. */
const TYPEOF = { kind: 0, data: 1 } as const
/** enum nftnl_udata_types and nftnl_udata_chain_types: a comment is 0 in both. */
const COMMENT = 0
/** enum expr_types of nftables. */
const CONCAT = 13
const NUMGEN = 23
const NUMGEN_TYPES = { inc: 0, random: 1 } as const
/** enum byteorder of nftables: concatenations and verdicts have none. */
const BYTE_ORDERS = { none: 0, host: 1, big: 2 } as const
/** The length byte of a value, and with it of a comment and its NUL. */
const VALUE_LIMIT = 255

export interface SetTypes {
  /** The key's fields, in order. */
  readonly keyTypeof: readonly TypeofTerm[]
  /** The data's fields of a map; `['verdict']` for a verdict map. */
  readonly dataTypeof?: readonly (TypeofTerm | 'verdict')[]
  readonly comment?: string
}

/** User data with which `nft list` shows a set as `typeof KEY : DATA` and reads it again. */
export function setUserData({ keyTypeof, dataTypeof, comment }: SetTypes): Uint8Array {
  const parts = [integer(SET.keyByteOrder, byteOrder(keyTypeof))]
  if (dataTypeof !== undefined) parts.push(integer(SET.dataByteOrder, byteOrder(dataTypeof)))
  parts.push(value(SET.keyTypeof, typeofExpression(keyTypeof)))
  if (dataTypeof !== undefined)
    parts.push(value(SET.dataTypeof, typeofExpression(dataTypeof)), integer(SET.dataInterval, 0))
  if (comment !== undefined) parts.push(text(SET.comment, comment))
  return Buffer.concat(parts)
}

/** User data of a rule or a chain with a comment. Throws a RangeError beyond 254 bytes of UTF-8. */
export const commentUserData = (comment: string): Uint8Array => text(COMMENT, comment)

function byteOrder(terms: readonly (TypeofTerm | 'verdict')[]): number {
  const [first] = terms
  if (terms.length !== 1 || first === undefined || first === 'verdict') return BYTE_ORDERS.none
  return BYTE_ORDERS[typeof first === 'string' ? NFT_TERMS[first].order : 'host']
}

function typeofExpression(terms: readonly (TypeofTerm | 'verdict')[]): Uint8Array {
  const [first] = terms
  if (first !== undefined && terms.length === 1) return termExpression(first)
  const fields = terms.map((term, index) => value(index, termExpression(term)))
  return Buffer.concat([integer(TYPEOF.kind, CONCAT), value(TYPEOF.data, Buffer.concat(fields))])
}

function termExpression(term: TypeofTerm | 'verdict'): Uint8Array {
  if (typeof term === 'object') return expression(NUMGEN, numgenArguments(term))
  const { kind, args } = NFT_TERMS[term]
  return expression(kind, args)
}

const numgenArguments = ({ numgen, modulus, offset }: NumgenTerm): readonly number[] => [
  NUMGEN_TYPES[numgen],
  modulus,
  offset ?? 0,
]

function expression(kind: number, args: readonly number[]): Uint8Array {
  const data = Buffer.concat(args.map((argument, index) => integer(index, argument)))
  return Buffer.concat([integer(TYPEOF.kind, kind), value(TYPEOF.data, data)])
}

function integer(type: number, number: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  if (endianness() === 'LE') bytes.writeUInt32LE(number)
  else bytes.writeUInt32BE(number)
  return value(type, bytes)
}

const text = (type: number, words: string): Uint8Array => value(type, Buffer.from(`${words}\0`))

function value(type: number, bytes: Uint8Array): Uint8Array {
  if (bytes.length > VALUE_LIMIT) throw new RangeError(`user data of ${bytes.length} bytes does not fit 255`)
  return Buffer.concat([Uint8Array.of(type, bytes.length), bytes])
}
