import type { IpFamily } from '../../util/address.ts'
import {
  addressWords,
  FIRST,
  hostNumber,
  loadAddress,
  loadClientKey,
  loadServiceKey,
} from '../nf-table/loads.ts'
import { anyBit, type Statement } from '../nf-table/statements.ts'
import type { SetName } from './layout.ts'
import { SHORT_CIRCUIT_BITS, SHORT_CIRCUIT_MASK } from './marks.ts'

/** NF_CT_STATE_BIT(IP_CT_NEW) of linux/netfilter/nf_conntrack_common.h. */
const CT_STATE_NEW = 8

/** `meta mark set ip daddr . meta l4proto . th dport map @MAP`; a miss ends the rule and leaves it as it was. */
export const setMarkFromMap = (family: IpFamily, map: SetName): Statement => [
  ...loadServiceKey(family),
  { expr: 'lookup', sreg: FIRST, dreg: FIRST, set: map },
  { expr: 'meta', key: 'mark', sreg: FIRST },
]

/** `ip daddr . meta l4proto . th dport . ip saddr @SET` */
export const sourceInRange = (family: IpFamily, set: SetName): Statement => [
  ...loadClientKey(family),
  { expr: 'lookup', sreg: FIRST, set },
]

/** `update @SET { ip saddr . ip saddr timeout … }`: a lookup of source and destination then finds equal ones. */
export const rememberSource = (family: IpFamily, set: string, timeoutMs: number): Statement => [
  loadAddress(family, 'saddr', 0),
  loadAddress(family, 'saddr', addressWords(family)),
  { expr: 'dynset', sregKey: FIRST, op: 'update', timeoutMs, set },
]

/** `ct state new` */
export const isNew: Statement = [{ expr: 'ct', key: 'state', dreg: FIRST }, ...anyBit(CT_STATE_NEW)]

/** `meta mark & 0xff000000 == 0x48000000`: steered to a virtual server by mark. */
export const isShortCircuited: Statement = compareTopByte('eq')

/** `meta mark & 0xff000000 != 0x48000000` */
export const isNotShortCircuited: Statement = compareTopByte('neq')

function compareTopByte(op: 'eq' | 'neq'): Statement {
  return [
    { expr: 'meta', key: 'mark', dreg: FIRST },
    {
      expr: 'bitwise',
      sreg: FIRST,
      dreg: FIRST,
      length: 4,
      mask: hostNumber(SHORT_CIRCUIT_MASK),
      xor: hostNumber(0),
    },
    { expr: 'cmp', sreg: FIRST, op, data: hostNumber(SHORT_CIRCUIT_BITS) },
  ]
}
