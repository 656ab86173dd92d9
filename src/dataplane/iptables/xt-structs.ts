import { endianness } from 'node:os'
import type { Protocol } from '../../model/service.ts'
import { addressLength, type IpAddress, type IpFamily, packAddress } from '../../util/address.ts'
import { statisticThreshold } from './format-rule.ts'
import type { ConnectionState } from './rule.ts'

/*
 * The structs of xtables extensions as iptables-nft 1.8.9 sends them, 8-aligned as XT_ALIGN of
 * linux/netfilter/x_tables.h wants it. Integers are in host order unless said otherwise; offsets are those of the
 * named header's struct.
 */

const LITTLE_ENDIAN = endianness() === 'LE'
const ANY_PORT = 0xffff

/** linux/netfilter/xt_comment.h: 256 bytes, a NUL among them. Longer text is cut. */
export function commentInfo(text: string): Uint8Array {
  const info = new Uint8Array(256)
  textEncoder.encodeInto(text, info.subarray(0, 255))
  return info
}

const textEncoder = new TextEncoder()

/** linux/netfilter/xt_addrtype.h, revision 1: bits of RTN_ types, of which LOCAL is 2. */
export const addrtypeInfo = (local: 'src' | 'dst'): Uint8Array =>
  struct(8, (info) => info.setUint16(local === 'src' ? 0 : 2, 1 << 2, LITTLE_ENDIAN))

/** linux/netfilter/xt_statistic.h, mode random; iptables leaves the threshold in `nth.count` as well. */
export const statisticInfo = (among: number): Uint8Array =>
  struct(24, (info) => {
    info.setUint32(4, statisticThreshold(among), LITTLE_ENDIAN)
    info.setUint32(12, statisticThreshold(among), LITTLE_ENDIAN)
  })

/**
 * linux/netfilter/xt_recent.h, revision 1; `withinSeconds` undefined remembers the source, else looks for it. The mask
 * is as long as an address, which is how iptables reads its own `--mask` back.
 */
export const recentInfo = (list: string, withinSeconds: number | undefined, family: IpFamily): Uint8Array =>
  struct(232, (info, bytes) => {
    const [CHECK, SET, REAP] = [0x01, 0x02, 0x20]
    info.setUint32(0, withinSeconds ?? 0, LITTLE_ENDIAN)
    info.setUint8(8, withinSeconds === undefined ? SET : CHECK | REAP)
    textEncoder.encodeInto(list, bytes.subarray(10, 209))
    bytes.fill(0xff, 212, 212 + addressLength(family))
  })

/** linux/netfilter/xt_conntrack.h, revision 3, by state only. */
export const conntrackInfo = (states: readonly ConnectionState[], inverted: boolean): Uint8Array =>
  struct(168, (info) => {
    const XT_CONNTRACK_STATE = 1
    info.setUint16(146, XT_CONNTRACK_STATE, LITTLE_ENDIAN)
    if (inverted) info.setUint16(148, XT_CONNTRACK_STATE, LITTLE_ENDIAN)
    const mask = states.reduce((bits, state) => bits | STATE_BITS[state], 0)
    info.setUint16(150, mask, LITTLE_ENDIAN)
  })

/** XT_CONNTRACK_STATE_BIT, _INVALID and _DNAT. */
const STATE_BITS: Readonly<Record<ConnectionState, number>> = {
  INVALID: 1,
  ESTABLISHED: 2,
  RELATED: 4,
  NEW: 8,
  DNAT: 128,
}

/** linux/netfilter/xt_tcpudp.h, xt_tcp and xt_udp alike: any source and destination port. */
export const tcpUdpInfo = (): Uint8Array =>
  struct(16, (info) => {
    info.setUint16(2, ANY_PORT, LITTLE_ENDIAN)
    info.setUint16(6, ANY_PORT, LITTLE_ENDIAN)
  })

/** linux/netfilter/xt_sctp.h; `dport` undefined: any. */
export const sctpInfo = (dport?: number): Uint8Array =>
  struct(296, (info, bytes) => {
    for (let chunk = 0; chunk < 4; chunk++) bytes[268 + chunk * 3] = 0xff
    if (dport === undefined) return
    const XT_SCTP_DEST_PORTS = 2
    info.setUint16(0, dport, LITTLE_ENDIAN)
    info.setUint16(2, dport, LITTLE_ENDIAN)
    info.setUint32(284, XT_SCTP_DEST_PORTS, LITTLE_ENDIAN)
  })

/** linux/netfilter/xt_mark.h, xt_mark_tginfo2. */
export const markInfo = (value: number, mask: number): Uint8Array =>
  struct(8, (info) => {
    info.setUint32(0, value, LITTLE_ENDIAN)
    info.setUint32(4, mask, LITTLE_ENDIAN)
  })

/** linux/netfilter/nf_nat.h, nf_nat_range2: address and port, the port in network order. */
export const dnatInfo = (address: IpAddress, port: number): Uint8Array =>
  struct(48, (info, bytes) => {
    const MAP_IPS_AND_PROTO_SPECIFIED = 3
    info.setUint32(0, MAP_IPS_AND_PROTO_SPECIFIED, LITTLE_ENDIAN)
    packAddress(address, bytes, 4)
    packAddress(address, bytes, 20)
    info.setUint16(36, port)
    info.setUint16(38, port)
  })

/** linux/netfilter/nf_nat.h: nf_nat_ipv4_multi_range_compat of one range, or nf_nat_range, fully random. */
export const masqueradeInfo = (family: IpFamily): Uint8Array => {
  const PROTO_RANDOM_FULLY = 0x10
  if (family === 'IPv6') return struct(40, (info) => info.setUint32(0, PROTO_RANDOM_FULLY, LITTLE_ENDIAN))
  return struct(24, (info) => {
    info.setUint32(0, 1, LITTLE_ENDIAN)
    info.setUint32(4, PROTO_RANDOM_FULLY, LITTLE_ENDIAN)
  })
}

/** With a reset for TCP, else with port unreachable: numbers of linux/netfilter_ipv4/ipt_REJECT.h and ip6t_REJECT.h. */
export const rejectInfo = (protocol: Protocol | undefined, family: IpFamily): Uint8Array =>
  struct(8, (info) => {
    const { reset, portUnreachable } = REJECT_WITH[family]
    info.setUint32(0, protocol === 'TCP' ? reset : portUnreachable, LITTLE_ENDIAN)
  })

const REJECT_WITH = {
  IPv4: { reset: 7, portUnreachable: 3 },
  IPv6: { reset: 6, portUnreachable: 4 },
} as const

function struct(length: number, fill: (info: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = new Uint8Array(length)
  fill(new DataView(bytes.buffer), bytes)
  return bytes
}
