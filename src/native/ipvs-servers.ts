import { familyOf, type IpAddress, type IpFamily } from '../util/address.ts'
import {
  FAMILY_NUMBERS,
  familyByNumber,
  readAddress,
  readRequiredAddress,
  writeAddress,
} from './packed-address.ts'
import type { ProgramReader, ProgramWriter } from './program.ts'

/** IPPROTO_*: what IPVS balances. */
const PROTOCOLS = { TCP: 6, UDP: 17, SCTP: 132 } as const
export type IpvsProtocol = keyof typeof PROTOCOLS

/** What tells one virtual server from another: protocol, address and port, or the firewall mark of its packets. */
export type VirtualServerKey =
  | {
      readonly kind: 'address'
      readonly protocol: IpvsProtocol
      readonly address: IpAddress
      /** 0 takes every port, with persistence only. */
      readonly port: number
    }
  | { readonly kind: 'mark'; readonly family: IpFamily; readonly mark: number }

/** IP_VS_SVC_F_* of linux/ip_vs.h; what the three scheduler flags mean is the scheduler's own. */
const SERVICE_FLAGS = {
  persistent: 0x01,
  'one-packet': 0x04,
  'scheduler-1': 0x08,
  'scheduler-2': 0x10,
  'scheduler-3': 0x20,
} as const
export type VirtualServerFlag = keyof typeof SERVICE_FLAGS

export interface VirtualServer {
  readonly key: VirtualServerKey
  /** rr, wrr, lc, wlc, fo, ovf, lblc, lblcr, dh, sh, mh, sed, nq or twos. */
  readonly scheduler: string
  readonly flags?: readonly VirtualServerFlag[]
  /** Seconds that a client stays with its real server, with the flag `persistent`. */
  readonly timeoutSeconds?: number
  /** Leading bits of a client's address that persistence tells clients apart by. Default: all, 32 or 128. */
  readonly clientPrefix?: number
}

/** How packets reach a real server; the order is the kernel's: IP_VS_CONN_F_MASQ 0, TUNNEL 2, DROUTE 3. */
const METHODS = { masq: 0, tunnel: 2, dr: 3 } as const
export type ForwardingMethod = keyof typeof METHODS

/** What tells one real server of a virtual server from another. */
export interface RealServerKey {
  readonly address: IpAddress
  readonly port: number
}

export interface RealServer extends RealServerKey {
  /** masquerading (NAT), direct routing, or IP-in-IP tunnelling. */
  readonly method: ForwardingMethod
  /** Share of new connections; 0 takes no new ones and keeps those it has. */
  readonly weight: number
  /** Connections above which no new ones come; 0, the default, for no limit. */
  readonly upperThreshold?: number
  /** Connections below which they come again; default 0: three quarters of the upper threshold. */
  readonly lowerThreshold?: number
}

/** Totals since it was made; the kernel brings them up to date every two seconds or so. */
export interface IpvsStatistics {
  readonly connections: number
  readonly incomingPackets: number
  readonly outgoingPackets: number
  readonly incomingBytes: number
  readonly outgoingBytes: number
}

export interface VirtualServerState extends Required<VirtualServer> {
  readonly statistics: IpvsStatistics
}

export interface RealServerState extends Required<RealServer> {
  readonly activeConnections: number
  readonly inactiveConnections: number
  readonly persistentConnections: number
  readonly statistics: IpvsStatistics
}

/** `TCP 10.96.0.1:80`, `TCP [fd00::1]:80` or `IPv4 mark 7`. */
export function formatVirtualServer(key: VirtualServerKey): string {
  return key.kind === 'mark' ? `${key.family} mark ${key.mark}` : `${key.protocol} ${formatServer(key)}`
}

/** `10.0.0.2:8080` or `[fd00::2]:8080`. */
export const formatServer = ({ address, port }: RealServerKey): string =>
  familyOf(address) === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`

const familyOfKey = (key: VirtualServerKey): IpFamily =>
  key.kind === 'mark' ? key.family : familyOf(key.address)

/** Layout: `readServiceKey` of native/ipvs/service.h. */
export function writeVirtualServerKey(program: ProgramWriter, key: VirtualServerKey): void {
  program.u8(FAMILY_NUMBERS[familyOfKey(key)])
  if (key.kind === 'mark') {
    program.u8(0)
    writeAddress(program, undefined)
    program.u16(0).u32(key.mark)
  } else {
    program.u8(PROTOCOLS[key.protocol])
    writeAddress(program, key.address)
    program.u16(key.port).u32(0)
  }
}

export function writeVirtualServer(program: ProgramWriter, server: VirtualServer): void {
  writeVirtualServerKey(program, server.key)
  const wholeAddress = familyOfKey(server.key) === 'IPv6' ? 128 : 32
  program
    .string(server.scheduler)
    .u32((server.flags ?? []).reduce((bits, flag) => bits | SERVICE_FLAGS[flag], 0))
    .u32(server.timeoutSeconds ?? 0)
    .u8(server.clientPrefix ?? wholeAddress)
}

export function readVirtualServer(reader: ProgramReader): VirtualServerState {
  const family = familyByNumber(reader.u8())
  const protocol = protocolName(reader.u8())
  const [address, port, mark] = [readAddress(reader), reader.u16(), reader.u32()]
  const [scheduler, bits, timeoutSeconds, clientPrefix] = [
    reader.string(),
    reader.u32(),
    reader.u32(),
    reader.u8(),
  ]
  return {
    key:
      address === undefined ? { kind: 'mark', family, mark } : { kind: 'address', protocol, address, port },
    scheduler,
    flags: flagNames(bits),
    timeoutSeconds,
    clientPrefix,
    statistics: readStatistics(reader),
  }
}

/** Layout: `readDestinationKey` of native/ipvs/destination.h. */
export function writeRealServerKey(program: ProgramWriter, server: RealServerKey): void {
  writeAddress(program, server.address)
  program.u16(server.port)
}

export function writeRealServer(program: ProgramWriter, server: RealServer): void {
  writeRealServerKey(program, server)
  program
    .u8(METHODS[server.method])
    .u32(server.weight)
    .u32(server.upperThreshold ?? 0)
    .u32(server.lowerThreshold ?? 0)
}

export function readRealServer(reader: ProgramReader): RealServerState {
  return {
    address: readRequiredAddress(reader),
    port: reader.u16(),
    method: methodName(reader.u8()),
    weight: reader.u32(),
    upperThreshold: reader.u32(),
    lowerThreshold: reader.u32(),
    activeConnections: reader.u32(),
    inactiveConnections: reader.u32(),
    persistentConnections: reader.u32(),
    statistics: readStatistics(reader),
  }
}

const readStatistics = (reader: ProgramReader): IpvsStatistics => ({
  connections: reader.u64(),
  incomingPackets: reader.u64(),
  outgoingPackets: reader.u64(),
  incomingBytes: reader.u64(),
  outgoingBytes: reader.u64(),
})

function protocolName(number: number): IpvsProtocol {
  if (number === PROTOCOLS.UDP) return 'UDP'
  return number === PROTOCOLS.SCTP ? 'SCTP' : 'TCP'
}

/** IP_VS_CONN_F_LOCALNODE (1) is the kernel's own reading of a local real server: it was asked for as masquerading. */
function methodName(number: number): ForwardingMethod {
  if (number === METHODS.tunnel) return 'tunnel'
  return number === METHODS.dr ? 'dr' : 'masq'
}

/** IP_VS_SVC_F_HASHED, which every service in force has, is left out. */
function flagNames(bits: number): VirtualServerFlag[] {
  const flags: readonly VirtualServerFlag[] = [
    'persistent',
    'one-packet',
    'scheduler-1',
    'scheduler-2',
    'scheduler-3',
  ]
  return flags.filter((flag) => (bits & SERVICE_FLAGS[flag]) !== 0)
}
