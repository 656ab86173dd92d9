import { type Cidr, formatAddress, type IpAddress, type IpFamily } from '../util/address.ts'
import { familyByNumber, readAddress, readRequiredAddress } from './packed-address.ts'
import type { ProgramReader } from './program.ts'

/** A network interface as the kernel lists it (RTM_NEWLINK). */
export interface Link {
  readonly index: number
  readonly name: string
  /** Driver kind, such as `veth`, `dummy` or `bridge`; empty for physical interfaces and `lo`. */
  readonly kind: string
  /** Administratively up (IFF_UP); whether it carries packets is another matter. */
  readonly up: boolean
  readonly mtu: number
  /** Index of the bridge that it is a port of. */
  readonly master?: number
  /** Index of a veth's other end, in that end's own namespace. */
  readonly peer?: number
  /** Lower-case hexadecimal with colons; empty for interfaces without one. */
  readonly hardwareAddress: string
}

/** How far an address or a route reaches (RT_SCOPE_* of linux/rtnetlink.h). */
export type RouteScope = 'global' | 'site' | 'link' | 'host' | 'nowhere'

/** An address of an interface (RTM_NEWADDR). */
export interface InterfaceAddress {
  /** Index of the interface. */
  readonly link: number
  readonly address: IpAddress
  /** Bits of the network that the address is in. */
  readonly prefix: number
  readonly scope: RouteScope
  /** IPv6: duplicate address detection is still under way (IFA_F_TENTATIVE), so the address can't be used yet. */
  readonly tentative: boolean
}

/** By number: RTN_* of linux/rtnetlink.h. */
const ROUTE_TYPES = [
  'unspecified',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
] as const
export type RouteType = (typeof ROUTE_TYPES)[number]
export const routeTypeNumber = (type: RouteType): number => ROUTE_TYPES.indexOf(type)

/** A route (RTM_NEWROUTE). */
export interface Route {
  /** 0.0.0.0/0 or ::/0 for a default route. */
  readonly destination: Cidr
  readonly type: RouteType
  /** Gateway. */
  readonly via?: IpAddress
  /** Index of the interface. */
  readonly link?: number
  /** Source address preferred for packets of this host. */
  readonly source?: IpAddress
  /** 254 is main, 255 local. */
  readonly table: number
  /** The lower, the more preferred. */
  readonly metric: number
  /** Who made it (RTPROT_*): 2 the kernel, 3 boot, 4 static. */
  readonly protocol: number
  readonly scope: RouteScope
}

const IFF_UP = 1
const IFA_F_TENTATIVE = 0x40
const ANY = {
  IPv4: formatAddress(new Uint8Array(4)),
  IPv6: formatAddress(new Uint8Array(16)),
} as const satisfies Record<IpFamily, IpAddress>

/** Layout: `packLink` of native/rtnetlink/link.h. */
export function readLink(reader: ProgramReader): Link {
  const [index, name, kind, flags, mtu] = [
    reader.u32(),
    reader.string(),
    reader.string(),
    reader.u32(),
    reader.u32(),
  ]
  const [master, peer] = [reader.u32(), reader.u32()]
  const hardwareAddress = [...reader.blob()].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
  return {
    index,
    name,
    kind,
    up: (flags & IFF_UP) !== 0,
    mtu,
    ...(master === 0 ? {} : { master }),
    ...(peer === 0 ? {} : { peer }),
    hardwareAddress,
  }
}

/** Layout: `packAddress` of native/rtnetlink/address.h. */
export function readInterfaceAddress(reader: ProgramReader): InterfaceAddress {
  const [link, prefix, scope, flags] = [reader.u32(), reader.u8(), reader.u8(), reader.u32()]
  const address = readRequiredAddress(reader)
  return { link, address, prefix, scope: scopeName(scope), tentative: (flags & IFA_F_TENTATIVE) !== 0 }
}

/** Layout: `packRoute` of native/rtnetlink/route.h. */
export function readRoute(reader: ProgramReader): Route {
  const [family, prefix, type, protocol] = [
    familyByNumber(reader.u8()),
    reader.u8(),
    reader.u8(),
    reader.u8(),
  ]
  const [scope, table, metric, link] = [reader.u8(), reader.u32(), reader.u32(), reader.u32()]
  const [address, via, source] = [readAddress(reader), readAddress(reader), readAddress(reader)]
  return {
    destination: { family, address: address ?? ANY[family], prefix },
    type: ROUTE_TYPES[type] ?? 'unspecified',
    ...(via === undefined ? {} : { via }),
    ...(link === 0 ? {} : { link }),
    ...(source === undefined ? {} : { source }),
    table,
    metric,
    protocol,
    scope: scopeName(scope),
  }
}

/** The numbers are distances: those in between are for administrators to define, and none does. */
function scopeName(scope: number): RouteScope {
  if (scope < 200) return 'global'
  if (scope < 253) return 'site'
  if (scope === 253) return 'link'
  return scope === 254 ? 'host' : 'nowhere'
}
