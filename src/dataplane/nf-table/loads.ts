import { endianness } from 'node:os'
import type { Expression, Register } from '../../native/nft-expressions.ts'
import { addressLength, type IpFamily } from '../../util/address.ts'

const LITTLE_ENDIAN = endianness() === 'LE'

/** The register at a 4-byte word of the register file, by its 16-byte name where it begins one, as nft names it. */
export const register = (word: number): Register => (word % 4 === 0 ? 1 + word / 4 : 8 + word)

export const FIRST = register(0)

export const addressWords = (family: IpFamily): number => addressLength(family) / 4

/** `ip saddr` or `ip daddr` into the register at `word`. */
export function loadAddress(
  family: IpFamily,
  field: 'saddr' | 'daddr',
  word: number,
  length?: number,
): Expression {
  const full = addressLength(family)
  const source = family === 'IPv4' ? 12 : 8
  return {
    expr: 'payload',
    base: 'network',
    offset: field === 'saddr' ? source : source + full,
    length: length ?? full,
    dreg: register(word),
  }
}

/** `ip daddr . meta l4proto . th dport` from the first register on. `th`, since `tcp dport` breaks UDP silently. */
export function loadServiceKey(family: IpFamily): Expression[] {
  const words = addressWords(family)
  return [
    loadAddress(family, 'daddr', 0),
    { expr: 'meta', key: 'l4proto', dreg: register(words) },
    { expr: 'payload', base: 'transport', offset: 2, length: 2, dreg: register(words + 1) },
  ]
}

/** The register behind the service key. */
export const afterServiceKey = (family: IpFamily): Register => register(addressWords(family) + 2)

/** `ip daddr . meta l4proto . th dport . ip saddr` from the first register on. */
export const loadClientKey = (family: IpFamily): Expression[] => [
  ...loadServiceKey(family),
  loadAddress(family, 'saddr', addressWords(family) + 2),
]

/** A u32 as rules load it from the packet's meta fields. */
export function hostNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, LITTLE_ENDIAN)
  return bytes
}
