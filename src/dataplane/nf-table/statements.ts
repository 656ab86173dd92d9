import type { Expression, Verdict } from '../../native/nft-expressions.ts'
import { addressLength, type Cidr, type IpFamily, packAddress } from '../../util/address.ts'
import type { FamilyConfig, PodInterface } from '../family-config.ts'
import {
  addressWords,
  afterServiceKey,
  FIRST,
  hostNumber,
  loadAddress,
  loadClientKey,
  loadServiceKey,
  register,
} from './loads.ts'

/**
 * Statements of nft's language as the expressions that nft 1.0.6 itself compiles them to, registers included
 * (`nft --debug=netlink` shows them): only rules of that shape are listed back as what they mean.
 */
export type Statement = readonly Expression[]

type MasqueradeMark = Pick<FamilyConfig, 'masqueradeMark'>

/** `IPS_DST_NAT` of linux/netfilter/nf_conntrack_common.h: this connection's destination was translated. */
const CT_STATUS_DNAT = 0x20

const IPPROTO_TCP = 6

/** linux/if.h */
const IFNAMSIZ = 16

/** `RTN_LOCAL` of linux/rtnetlink.h. */
const RTN_LOCAL = 2

const clientKeyWords = (family: IpFamily): number => 2 * addressWords(family) + 2

/** `ct mark set (key in the registers) map @map`; a miss ends the rule and leaves the mark as it was. */
const setConnectionMarkFrom = (map: string): Statement => [
  { expr: 'lookup', sreg: FIRST, dreg: FIRST, set: map },
  { expr: 'ct', key: 'mark', sreg: FIRST },
]

/** One rule of each of `statements` in turn. */
export const rule = (...statements: readonly Statement[]): Statement => statements.flat()

const verdict = (data: Verdict): Statement => [{ expr: 'immediate', dreg: 0, data }]

export const drop: Statement = verdict('drop')
export const returnToCaller: Statement = verdict('return')
export const goto = (chain: string): Statement => verdict({ kind: 'goto', chain })

/** `meta priority set ip daddr . meta l4proto . th dport map @svcs`; a miss ends the rule and leaves it as it was. */
export const setPriorityFromMap = (family: IpFamily, map: string): Statement => [
  ...loadServiceKey(family),
  { expr: 'lookup', sreg: FIRST, dreg: FIRST, set: map },
  { expr: 'meta', key: 'priority', sreg: FIRST },
]

/** `meta priority vmap @classes` */
export const gotoByPriority = (map: string): Statement => [
  { expr: 'meta', key: 'priority', dreg: FIRST },
  { expr: 'lookup', sreg: FIRST, dreg: 0, set: map },
]

/** `meta priority set 0` */
export const clearPriority: Statement = [
  { expr: 'immediate', dreg: FIRST, data: hostNumber(0) },
  { expr: 'meta', key: 'priority', sreg: FIRST },
]

/** `ip daddr . meta l4proto . th dport . numgen random mod SLOTS offset OFFSET` */
const loadDrawnSlot = (family: IpFamily, slots: number, offset: number): Expression[] => [
  ...loadServiceKey(family),
  { expr: 'numgen', dreg: afterServiceKey(family), modulus: slots, type: 'random', offset },
]

/** `dnat ip to (key in the registers) map @map` */
const translateTo = (family: IpFamily, map: string): Statement => [
  { expr: 'lookup', sreg: FIRST, dreg: FIRST, set: map },
  {
    expr: 'nat',
    type: 'dnat',
    family: family === 'IPv4' ? 'ip' : 'ip6',
    addressMin: FIRST,
    protoMin: register(addressWords(family)),
  },
]

/** `dnat ip to ip daddr . meta l4proto . th dport . numgen random mod SLOTS map @eps` */
export const translateToSlot = (family: IpFamily, slots: number, offset: number, map: string): Statement => [
  ...loadDrawnSlot(family, slots, offset),
  ...translateTo(family, map),
]

/** `ct mark set ip daddr . meta l4proto . th dport . numgen random mod SLOTS map @aidx` */
export const drawEndpointId = (family: IpFamily, slots: number, offset: number, map: string): Statement => [
  ...loadDrawnSlot(family, slots, offset),
  ...setConnectionMarkFrom(map),
]

/** `dnat ip to ip daddr . meta l4proto . th dport . ct mark map @aeps` */
export const translateToEndpointId = (family: IpFamily, map: string): Statement => [
  ...loadServiceKey(family),
  { expr: 'ct', key: 'mark', dreg: afterServiceKey(family) },
  ...translateTo(family, map),
]

/** `ct mark set ip daddr . meta l4proto . th dport . ip saddr map @aff` */
export const recallEndpointId = (family: IpFamily, map: string): Statement => [
  ...loadClientKey(family),
  ...setConnectionMarkFrom(map),
]

/** `update @aff { ip daddr . meta l4proto . th dport . ip saddr timeout 10800s : ct mark }`, or `delete @aff …` */
export function changeMemory(
  family: IpFamily,
  map: string,
  change: { readonly op: 'update'; readonly seconds: number } | { readonly op: 'delete' },
): Statement {
  // nft gives the data the first free register of 16 bytes.
  const data = register(Math.ceil(clientKeyWords(family) / 4) * 4)
  return [
    ...loadClientKey(family),
    { expr: 'ct', key: 'mark', dreg: data },
    {
      expr: 'dynset',
      sregKey: FIRST,
      sregData: data,
      op: change.op,
      ...(change.op === 'update' ? { timeoutMs: change.seconds * 1000 } : {}),
      set: map,
    },
  ]
}

/** `ip daddr . meta l4proto . th dport . ip saddr != @set` */
export function clientNotInSet(family: IpFamily, set: string): Statement {
  const protocol = register(addressWords(family))
  const [address, loadProtocol, ...rest] = loadClientKey(family)
  if (address === undefined || loadProtocol === undefined) return []
  // A set with ranges compares in network order, and so a number that is loaded in host order is turned around.
  const turn = { expr: 'byteorder', sreg: protocol, dreg: protocol, op: 'hton', length: 1, size: 2 } as const
  return [address, loadProtocol, turn, ...rest, { expr: 'lookup', sreg: FIRST, set, flags: ['invert'] }]
}

/** `fib saddr type local`: the source is an address of this node. */
export const isFromHere: Statement = [
  { expr: 'fib', flags: ['saddr'], result: 'type', dreg: FIRST },
  { expr: 'cmp', sreg: FIRST, op: 'eq', data: hostNumber(RTN_LOCAL) },
]

/** `ip daddr @set` */
export const destinationInSet = (family: IpFamily, set: string): Statement => [
  loadAddress(family, 'daddr', 0),
  { expr: 'lookup', sreg: FIRST, set },
]

/** `ip saddr . ip daddr @set` */
export const pairInSet = (family: IpFamily, set: string): Statement => [
  loadAddress(family, 'saddr', 0),
  loadAddress(family, 'daddr', addressWords(family)),
  { expr: 'lookup', sreg: FIRST, set },
]

/** `ip saddr CIDR` or `ip daddr CIDR`. nft loads just the bytes of a prefix that ends on one. */
export function addressIn(field: 'saddr' | 'daddr', { family, address, prefix }: Cidr): Statement {
  const bytes = new Uint8Array(addressLength(family))
  packAddress(address, bytes, 0)
  const whole = prefix / 8
  if (prefix > 0 && Number.isInteger(whole))
    return [
      loadAddress(family, field, 0, whole),
      { expr: 'cmp', sreg: FIRST, op: 'eq', data: bytes.slice(0, whole) },
    ]
  return [
    loadAddress(family, field, 0),
    {
      expr: 'bitwise',
      sreg: FIRST,
      dreg: FIRST,
      length: bytes.length,
      mask: prefixMask(bytes.length, prefix),
      xor: new Uint8Array(bytes.length),
    },
    { expr: 'cmp', sreg: FIRST, op: 'eq', data: bytes },
  ]
}

/** `iifname NAME`, or `iifname NAME*`: a name is compared with all that the kernel has room for, a prefix alone. */
function comesInBy({ name, isPrefix }: PodInterface): Statement {
  const text = Buffer.from(name)
  const data = new Uint8Array(isPrefix ? text.length : IFNAMSIZ)
  data.set(text)
  return [
    { expr: 'meta', key: 'iifname', dreg: FIRST },
    { expr: 'cmp', sreg: FIRST, op: 'eq', data },
  ]
}

/** The sender is a pod, a match each for a rule of its own; none: nobody knows who is. */
export const podClients = ({ podCidrs, podInterface }: FamilyConfig): readonly Statement[] =>
  podInterface === undefined ? podCidrs.map((cidr) => addressIn('saddr', cidr)) : [comesInBy(podInterface)]

/** `meta l4proto tcp reject with tcp reset` */
export const rejectTcp: Statement = [
  { expr: 'meta', key: 'l4proto', dreg: FIRST },
  { expr: 'cmp', sreg: FIRST, op: 'eq', data: Uint8Array.of(IPPROTO_TCP) },
  { expr: 'reject', type: 'tcp-reset', code: 0 },
]

/** `reject with icmp type port-unreachable`, or its ICMPv6 twin. */
export const rejectOther = (family: IpFamily): Statement => [
  // Codes of port unreachable: 3 in RFC 792, 4 in RFC 4443.
  { expr: 'reject', type: 'icmp-unreachable', code: family === 'IPv4' ? 3 : 4 },
]

/** `meta mark set meta mark or 0x4000`: masquerade this connection on its way out. */
export const markForMasquerade = ({ masqueradeMark }: MasqueradeMark): Statement =>
  changeMark(~masqueradeMark >>> 0, masqueradeMark)

/** `meta mark set meta mark xor 0x4000`: takes off the mark that is known to be there. */
export const unmark = ({ masqueradeMark }: MasqueradeMark): Statement =>
  changeMark(0xffffffff, masqueradeMark)

/** `meta mark & 0x4000 != 0` */
export const isMarked = ({ masqueradeMark }: MasqueradeMark): Statement => [
  { expr: 'meta', key: 'mark', dreg: FIRST },
  ...anyBit(masqueradeMark),
]

/** `ct status dnat` */
export const wasTranslated: Statement = [
  { expr: 'ct', key: 'status', dreg: FIRST },
  ...anyBit(CT_STATUS_DNAT),
]

/** `masquerade fully-random` */
export const masquerade: Statement = [{ expr: 'masq', flags: ['fully-random'] }]

function changeMark(mask: number, xor: number): Statement {
  return [
    { expr: 'meta', key: 'mark', dreg: FIRST },
    {
      expr: 'bitwise',
      sreg: FIRST,
      dreg: FIRST,
      length: 4,
      mask: hostNumber(mask),
      xor: hostNumber(xor),
    },
    { expr: 'meta', key: 'mark', sreg: FIRST },
  ]
}

/** Any of these bits is set in the register: the end of a match on a mark, a state or a status. */
export function anyBit(bit: number): Statement {
  return [
    {
      expr: 'bitwise',
      sreg: FIRST,
      dreg: FIRST,
      length: 4,
      mask: hostNumber(bit),
      xor: hostNumber(0),
    },
    { expr: 'cmp', sreg: FIRST, op: 'neq', data: hostNumber(0) },
  ]
}

function prefixMask(length: number, prefix: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (0xff00 >> Math.max(0, Math.min(8, prefix - i * 8))) & 0xff)
}
