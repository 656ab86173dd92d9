import type { IpAddress, IpFamily } from '../util/address.ts'
import { FAMILY_NUMBERS, writeAddress } from './packed-address.ts'
import type { ProgramWriter } from './program.ts'

/** IPPROTO_* of the protocols that conntrack knows by name here; others go by number. */
export const CONNTRACK_PROTOCOLS = { ICMP: 1, TCP: 6, UDP: 17, ICMPv6: 58, SCTP: 132 } as const
export type ConntrackProtocol = keyof typeof CONNTRACK_PROTOCOLS

/** What one direction of a flow must look like; ports need a protocol. */
export interface TupleFilter {
  readonly source?: IpAddress
  readonly destination?: IpAddress
  readonly sourcePort?: number
  readonly destinationPort?: number
}

/** Which entries are meant: those that agree in every field given. */
export interface ConntrackFilter {
  readonly family: IpFamily
  readonly protocol?: ConntrackProtocol | number
  /** As the first packet came: the destination is the Service's address. */
  readonly original?: TupleFilter
  /** As the answers come: after DNAT the source is the endpoint. */
  readonly reply?: TupleFilter
  /** `mark & mask` is `value`. */
  readonly mark?: { readonly value: number; readonly mask: number }
  /** Only flows whose destination was translated (true) or was not (false): IPS_DST_NAT. */
  readonly translated?: boolean
}

/** IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h. */
export const STATUS_DST_NAT = 0x20

/** Bits of `TupleField` in native/conntrack/filter.h. */
const FIELDS = { source: 1, destination: 2, protocol: 8, sourcePort: 16, destinationPort: 32 } as const

/** Layout: `readFilter` of native/conntrack/filter.h. */
export function writeFilter(program: ProgramWriter, filter: ConntrackFilter): void {
  const { original = {}, reply = {}, mark, translated } = filter
  const protocol = protocolNumber(filter.protocol)
  // The protocol alone is asked of the original direction; both directions have the same.
  const protocolField = filter.protocol === undefined ? 0 : FIELDS.protocol
  const replyFields = fieldsOf(reply)
  program
    .u8(FAMILY_NUMBERS[filter.family])
    .u8(protocol)
    .u32(fieldsOf(original) | protocolField)
    .u32(replyFields === 0 ? 0 : replyFields | protocolField)
  writeTuple(program, original)
  writeTuple(program, reply)
  program
    .u32(mark?.value ?? 0)
    .u32(mark?.mask ?? 0)
    .u32(translated === true ? STATUS_DST_NAT : 0)
    .u32(translated === undefined ? 0 : STATUS_DST_NAT)
}

function protocolNumber(protocol: ConntrackFilter['protocol']): number {
  if (protocol === undefined) return 0
  return typeof protocol === 'number' ? protocol : CONNTRACK_PROTOCOLS[protocol]
}

function fieldsOf(tuple: TupleFilter): number {
  let fields = 0
  if (tuple.source !== undefined) fields |= FIELDS.source
  if (tuple.destination !== undefined) fields |= FIELDS.destination
  if (tuple.sourcePort !== undefined) fields |= FIELDS.sourcePort
  if (tuple.destinationPort !== undefined) fields |= FIELDS.destinationPort
  return fields
}

function writeTuple(program: ProgramWriter, tuple: TupleFilter): void {
  writeAddress(program, tuple.source)
  writeAddress(program, tuple.destination)
  program.u16(tuple.sourcePort ?? 0).u16(tuple.destinationPort ?? 0)
}
