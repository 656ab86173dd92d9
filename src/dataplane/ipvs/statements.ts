import { endianness } from 'node:os'
import type { Expression, Register } from '../../native/nftables.ts'
import { addressLength, type IpFamily } from '../../util/address.ts'
import type { Statement } from '../nftables/statements.ts'
import type { SetName } from './layout.ts'
import { SHORT_CIRCUIT_BITS, SHORT_CIRCUIT_MASK } from './marks.ts'

/** RTN_LOCAL of linux/rtnetlink.h: an address of this machine. */
const RTN_LOCAL = 2

/** NF_CT_STATE_BIT(IP_CT_NEW) of linux/netfilter/nf_conntrack_common.h. */
const CT_STATE_NEW = 8

const LITTLE_ENDIAN = endianness() === 'LE'

/** The register at a 4-byte word of the register file, by its 16-byte name where it begins one, as nft names it. */
const register = (word: number): Register => (word % 4 === 0 ? 1 + word / 4 : 8 + word)

const FIRST = register(0)

const addressWords = (family: IpFamily): number => addressLength(family) / 4

function loadAddress(family: IpFamily, field: 'saddr' | 'daddr', word: number): Expression {
  const length = addressLength(family)
  const source = family === 'IPv4' ? 12 : 8
  const offset = field === 'saddr' ? source : source + length
  return { expr: 'payload', base: 'network', offset, length, dreg: register(word) }
}

/** `ip daddr . meta l4proto . th dport` from the first register on. */
function loadPlace(family: IpFamily): Expression[] {
  const words = addressWords(family)
  return [
    loadAddress(family, 'daddr', 0),
    { expr: 'meta', key: 'l4proto', dreg: register(words) },
    { expr: 'payload', base: 'transport', offset: 2, length: 2, dreg: register(words + 1) },
  ]
}

/** `meta FIELD set ip daddr . meta l4proto . th dport map @MAP`; a miss ends the rule and leaves it as it was. */
export const setFromMap = (family: IpFamily, field: 'priority' | 'mark', map: SetName): Statement => [
  ...loadPlace(family),
  { expr: 'lookup', sreg: FIRST, dreg: FIRST, set: map },
  { expr: 'meta', key: field, sreg: FIRST },
]

/** `meta priority vmap @MAP` */
export const gotoByPriority = (map: string): Statement => [
  { expr: 'meta', key: 'priority', dreg: FIRST },
  { expr: 'lookup', sreg: FIRST, dreg: 0, set: map },
]

/** `ip daddr . meta l4proto . th dport . ip saddr @SET` */
export const sourceInRange = (family: IpFamily, set: SetName): Statement => [
  ...loadPlace(family),
  loadAddress(family, 'saddr', addressWords(family) + 2),
  { expr: 'lookup', sreg: FIRST, set },
]

/** `ip daddr @SET` */
export const destinationIn = (family: IpFamily, set: SetName): Statement => [
  loadAddress(family, 'daddr', 0),
  { expr: 'lookup', sreg: FIRST, set },
]

/** `ip saddr . ip daddr @SET` */
export const pairIn = (family: IpFamily, set: SetName): Statement => [
  loadAddress(family, 'saddr', 0),
  loadAddress(family, 'daddr', addressWords(family)),
  { expr: 'lookup', sreg: FIRST, set },
]

/** `fib saddr type local`: from this machine itself. */
export const sourceIsLocal: Statement = [
  { expr: 'fib', flags: ['saddr'], result: 'type', dreg: FIRST },
  { expr: 'cmp', sreg: FIRST, op: 'eq', data: hostNumber(RTN_LOCAL) },
]

/** `ct state new` */
export const isNew: Statement = [
  { expr: 'ct', key: 'state', dreg: FIRST },
  {
    expr: 'bitwise',
    sreg: FIRST,
    dreg: FIRST,
    length: 4,
    mask: hostNumber(CT_STATE_NEW),
    xor: hostNumber(0),
  },
  { expr: 'cmp', sreg: FIRST, op: 'neq', data: hostNumber(0) },
]

/** `meta mark & 0xff000000 == 0x48000000`: steered to a virtual server by mark. */
export const isShortCircuited: Statement = [
  { expr: 'meta', key: 'mark', dreg: FIRST },
  {
    expr: 'bitwise',
    sreg: FIRST,
    dreg: FIRST,
    length: 4,
    mask: hostNumber(SHORT_CIRCUIT_MASK),
    xor: hostNumber(0),
  },
  { expr: 'cmp', sreg: FIRST, op: 'eq', data: hostNumber(SHORT_CIRCUIT_BITS) },
]

/** A u32 as rules load it from the packet's meta fields. */
export function hostNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, LITTLE_ENDIAN)
  return bytes
}
