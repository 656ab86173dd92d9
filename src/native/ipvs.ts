/** IPVS: the typed door to the kernel's virtual servers. */
import type { SocketStats } from './addon.ts'
import { NetlinkChannel, type SocketOptions } from './channel.ts'
import {
  formatVirtualServer,
  type RealServerState,
  readRealServer,
  readVirtualServer,
  type VirtualServerKey,
  type VirtualServerState,
  writeVirtualServerKey,
} from './ipvs-servers.ts'
import type { IpvsTimeouts, IpvsTransaction } from './ipvs-transaction.ts'
import { ProgramReader, ProgramWriter } from './program.ts'
import { readAll } from './read-all.ts'

export { NetlinkError, type OperationFailure } from './errors.ts'
export {
  type ForwardingMethod,
  formatServer,
  formatVirtualServer,
  type IpvsProtocol,
  type IpvsStatistics,
  type RealServer,
  type RealServerKey,
  type RealServerState,
  type VirtualServer,
  type VirtualServerFlag,
  type VirtualServerKey,
  type VirtualServerState,
} from './ipvs-servers.ts'
export { type IpvsTimeouts, IpvsTransaction } from './ipvs-transaction.ts'

/** Method numbers; `IpvsSession` of native/ipvs/ipvs_session.h has the same. */
const METHODS = { services: 1, destinations: 2, info: 3, apply: 4 } as const

export interface IpvsInfo {
  /** Of the kernel's IPVS code, such as `1.2.1`. */
  readonly version: string
  /** Buckets of the connection table. */
  readonly connectionTableSize: number
  readonly timeouts: IpvsTimeouts
}

/** A generic netlink socket of the IPVS family with its own thread. All methods reject with a NetlinkError. */
export class IpvsSocket {
  readonly #channel: NetlinkChannel

  private constructor(channel: NetlinkChannel) {
    this.#channel = channel
  }

  /** Rejects with code ERR_IPVS_UNAVAILABLE when the kernel has no IPVS, nor a module of it to load. */
  static async open(options: SocketOptions = {}): Promise<IpvsSocket> {
    return new IpvsSocket(await NetlinkChannel.open('ipvs', options))
  }

  /** Every virtual server of the namespace. */
  async services(): Promise<VirtualServerState[]> {
    const reply = await this.#channel.request(METHODS.services, [], () => 'list virtual servers')
    return readAll(reply, readVirtualServer)
  }

  /** The real servers of one virtual server; none when there is no such virtual server. */
  async dests(service: VirtualServerKey): Promise<RealServerState[]> {
    const [dests = []] = await this.destsOf([service])
    return dests
  }

  /** The real servers of many virtual servers, in their order. It takes the kernel one dump each: for audits only. */
  async destsOf(services: readonly VirtualServerKey[]): Promise<RealServerState[][]> {
    const program = new ProgramWriter()
    for (const service of services) writeVirtualServerKey(program, service)
    const [first] = services
    const of =
      first !== undefined && services.length === 1
        ? formatVirtualServer(first)
        : `${services.length} virtual servers`
    const reply = await this.#channel.request(
      METHODS.destinations,
      [program.view()],
      () => `list real servers of ${of}`,
    )
    return readAll(reply, (reader) => reader.list(readRealServer))
  }

  async info(): Promise<IpvsInfo> {
    const reply = await this.#channel.request(METHODS.info, [], () => 'get IPVS version and timeouts')
    const reader = new ProgramReader(reply)
    const version = reader.u32()
    return {
      version: [version >>> 16, (version >>> 8) & 0xff, version & 0xff].join('.'),
      connectionTableSize: reader.u32(),
      timeouts: { tcpSeconds: reader.u32(), tcpFinSeconds: reader.u32(), udpSeconds: reader.u32() },
    }
  }

  /**
   * Makes every change of a transaction that can be made, in datagrams of 512 requests with one acknowledgement each.
   * Rejects when the kernel refused any: `failures` has all of them, by operation, and the others are in force.
   */
  async apply(changes: IpvsTransaction): Promise<void> {
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
}
