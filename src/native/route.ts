/** rtnetlink: the typed door to interfaces, addresses and routes. */
import type { IpFamily } from '../util/address.ts'
import type { SocketStats } from './addon.ts'
import { NetlinkChannel, type SocketOptions } from './channel.ts'
import { familyNumber } from './packed-address.ts'
import { type ProgramReader, ProgramWriter } from './program.ts'
import { readAll } from './read-all.ts'
import {
  type InterfaceAddress,
  type Link,
  type Route,
  readInterfaceAddress,
  readLink,
  readRoute,
} from './route-objects.ts'
import type { RouteTransaction } from './route-transaction.ts'

export { NetlinkError, type OperationFailure } from './errors.ts'
export type { InterfaceAddress, Link, Route, RouteScope, RouteType } from './route-objects.ts'
export {
  type AddressChange,
  type LinkChange,
  type LinkKind,
  type NewLink,
  type RouteChange,
  RouteTransaction,
} from './route-transaction.ts'

/** Method numbers; `RouteSession` of native/rtnetlink/route_session.h has the same. */
const METHODS = { links: 1, addresses: 2, routes: 3, apply: 4 } as const

/** A NETLINK_ROUTE socket with its own thread. All methods reject with a NetlinkError. */
export class RouteSocket {
  readonly #channel: NetlinkChannel

  private constructor(channel: NetlinkChannel) {
    this.#channel = channel
  }

  static async open(options: SocketOptions = {}): Promise<RouteSocket> {
    return new RouteSocket(await NetlinkChannel.open('route', options))
  }

  /** Every interface of the namespace, by index. */
  links(): Promise<Link[]> {
    return this.#list(METHODS.links, 'list interfaces', [], readLink)
  }

  /** Every address of both families. */
  addresses(): Promise<InterfaceAddress[]> {
    return this.#list(METHODS.addresses, 'list addresses', [], readInterfaceAddress)
  }

  /** Every route of all tables, of one family or of both. */
  routes(family?: IpFamily): Promise<Route[]> {
    const program = new ProgramWriter(1).u8(familyNumber(family))
    return this.#list(METHODS.routes, 'list routes', [program.view()], readRoute)
  }

  /**
   * Makes every change of a transaction that can be made. Rejects when the kernel refused any: `failures` has all of
   * them, by operation, and the others are in force.
   */
  async apply(changes: RouteTransaction): Promise<void> {
    if (changes.isEmpty) return
    await this.#channel.request(METHODS.apply, [changes.program()], (op) => changes.describe(op))
  }

  stats(): SocketStats {
    return this.#channel.stats()
  }

  /** Idempotent; requests under way are finished first. */
  close(): Promise<void> {
    return this.#channel.close()
  }

  async #list<T>(
    method: number,
    what: string,
    buffers: readonly Uint8Array[],
    read: (reader: ProgramReader) => T,
  ): Promise<T[]> {
    return readAll(await this.#channel.request(method, buffers, () => what), read)
  }
}
