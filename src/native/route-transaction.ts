import { type Cidr, familyOf, formatCidr, type IpAddress, type IpFamily } from '../util/address.ts'
import { FAMILY_NUMBERS, writeAddress } from './packed-address.ts'
import { ProgramWriter } from './program.ts'
import { type RouteType, routeTypeNumber } from './route-objects.ts'

/** Kinds of interface that can be made; the order is that of `LinkKind` in native/rtnetlink/link.h. */
const LINK_KINDS = ['dummy', 'veth', 'bridge'] as const
export type LinkKind = (typeof LINK_KINDS)[number]

export interface NewLink {
  /** At most 15 bytes. */
  readonly name: string
  readonly kind: LinkKind
  /** Name of a veth's other end; the kernel makes one up (veth0, …) when absent. */
  readonly peer?: string
  /** Path of the network namespace that the peer is made in; the socket's own when absent. */
  readonly peerNetns?: string
  /** Bring it up, the peer not: that one may live elsewhere. Default false. */
  readonly up?: boolean
}

export interface LinkChange {
  readonly name: string
  readonly up?: boolean
  readonly mtu?: number
  /** Name of the bridge to become a port of; null to leave it. */
  readonly master?: string | null
  /** Path of the network namespace to move to. */
  readonly netns?: string
}

export interface AddressChange {
  /** Name of the interface. */
  readonly link: string
  readonly address: IpAddress
  /** Bits of the network that the address is in: 32 or 128 for the address alone. */
  readonly prefix: number
  /** IPv6: usable at once, without the second of duplicate address detection. Default false. */
  readonly withoutDetection?: boolean
}

export interface RouteChange {
  readonly destination: Cidr | 'default'
  /** Gateway. */
  readonly via?: IpAddress
  /** Name of the interface. */
  readonly link?: string
  /** Source address preferred for packets of this host. */
  readonly source?: IpAddress
  /** Default: main (254), or local (255) for routes of type local. */
  readonly table?: number
  readonly metric?: number
  /** Default: unicast; any type in a deletion. */
  readonly type?: RouteType
}

/** Numbers of the operations; `ChangeCode` of native/rtnetlink/change_run.h has the same. */
const CODES = {
  addLink: 1,
  setLink: 2,
  deleteLink: 3,
  addAddress: 4,
  deleteAddress: 5,
  addRoute: 6,
  replaceRoute: 7,
  deleteRoute: 8,
} as const

/** Bits of the byte that says which of a link's fields are meant. */
const FIELDS = { up: 1, down: 2, mtu: 4, master: 8 } as const

/**
 * Changes of a network namespace's interfaces, addresses and routes, in order: a later one may name an interface that an
 * earlier one makes. They are independent of each other; each is tried, whatever became of those before it.
 */
export class RouteTransaction {
  readonly #program = new ProgramWriter()
  readonly #descriptions: string[] = []

  /** EEXIST when the name is taken. */
  addLink(link: NewLink): this {
    this.#begin(CODES.addLink, `add ${link.kind} ${link.name}`)
      .string(link.name)
      .u8(LINK_KINDS.indexOf(link.kind))
      .u8(link.up === true ? FIELDS.up : 0)
      .string(link.peer ?? '')
      .string(link.peerNetns ?? '')
    return this
  }

  /** Changes what is given and leaves the rest. ENODEV when there is no such interface. */
  setLink(change: LinkChange): this {
    let fields = change.up === undefined ? 0 : change.up ? FIELDS.up : FIELDS.down
    if (change.mtu !== undefined) fields |= FIELDS.mtu
    if (change.master !== undefined) fields |= FIELDS.master
    this.#begin(CODES.setLink, `change interface ${change.name}`)
      .string(change.name)
      .u8(fields)
      .u32(change.mtu ?? 0)
      .string(change.master ?? '')
      .string(change.netns ?? '')
    return this
  }

  /** ENODEV when there is no such interface. A veth's peer goes with it. */
  deleteLink(name: string): this {
    this.#begin(CODES.deleteLink, `delete interface ${name}`).string(name)
    return this
  }

  /** EEXIST when the interface has it. */
  addAddress(change: AddressChange): this {
    return this.#address(CODES.addAddress, 'add', 'to', change)
  }

  /** EADDRNOTAVAIL when the interface does not have it. */
  deleteAddress(change: AddressChange): this {
    return this.#address(CODES.deleteAddress, 'delete', 'from', change)
  }

  /** EEXIST when there is one for the same destination, table and metric. */
  addRoute(route: RouteChange): this {
    return this.#route(CODES.addRoute, 'add', { type: 'unicast', ...route })
  }

  /** Adds a route, in place of the one for the same destination, table and metric. */
  replaceRoute(route: RouteChange): this {
    return this.#route(CODES.replaceRoute, 'replace', { type: 'unicast', ...route })
  }

  /** Deletes the first route that has everything given. ESRCH when there is none. */
  deleteRoute(route: RouteChange): this {
    return this.#route(CODES.deleteRoute, 'delete', route)
  }

  get operations(): number {
    return this.#descriptions.length
  }

  get isEmpty(): boolean {
    return this.#descriptions.length === 0
  }

  /** What operation `op` does, in words; for a number outside, the transaction as a whole. */
  describe(op: number): string {
    return this.#descriptions[op] ?? `make ${this.operations} changes of interfaces and routes`
  }

  /** The program, without a copy: do not add to the transaction while it is being applied. */
  program(): Uint8Array {
    return this.#program.view()
  }

  #begin(code: number, description: string): ProgramWriter {
    this.#descriptions.push(description)
    return this.#program.u8(code)
  }

  #address(code: number, verb: string, preposition: string, change: AddressChange): this {
    const { link, address, prefix } = change
    const program = this.#begin(
      code,
      `${verb} address ${address}/${prefix} ${preposition} interface ${link}`,
    ).string(link)
    writeAddress(program, address)
    program.u8(prefix).u8(change.withoutDetection === true ? 1 : 0)
    return this
  }

  #route(code: number, verb: string, route: RouteChange): this {
    const { destination } = route
    const name = destination === 'default' ? 'default' : formatCidr(destination)
    const program = this.#begin(code, `${verb} route ${name}`).u8(FAMILY_NUMBERS[familyOfRoute(route)])
    // The kernel wants no address at all for prefix 0.
    const isDefault = destination === 'default' || destination.prefix === 0
    writeAddress(program, isDefault ? undefined : destination.address)
    program.u8(isDefault ? 0 : destination.prefix)
    writeAddress(program, route.via)
    writeAddress(program, route.source)
    program
      .u32(route.table ?? 0)
      .u32(route.metric ?? 0)
      .u8(routeTypeNumber(route.type ?? 'unspecified'))
      .string(route.link ?? '')
    return this
  }
}

/** A default route's family is its gateway's; IPv4 when it has none. */
function familyOfRoute({ destination, via, source }: RouteChange): IpFamily {
  if (destination !== 'default') return destination.family
  const address = via ?? source
  return address === undefined ? 'IPv4' : familyOf(address)
}
