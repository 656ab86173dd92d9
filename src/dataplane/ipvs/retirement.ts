import { ConntrackSocket } from '../../native/conntrack.ts'
import { formatVirtualServer } from '../../native/ipvs.ts'
import type { IpAddress } from '../../util/address.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { Pacer } from '../../util/pacer.ts'
import { DRAIN_LIMIT_MS, DRAIN_POLL_MS } from './draining.ts'
import { isGone } from './failure.ts'
import type { IpvsConfig } from './ipvs-config.ts'
import type { IpvsState, ProgrammedServer } from './ipvs-state.ts'
import { hasLeftovers } from './leftovers.ts'
import { observe } from './observe.ts'
import type { ServerChange } from './plan.ts'
import { request } from './requests.ts'
import { releaseVips, retireVips } from './retired-vips.ts'
import { removeTable, retireTable } from './retirement-table.ts'
import { closeSockets, openSockets, type Sockets } from './sockets.ts'
import { changeVips, removeVips, VIP_DEVICE, type VipDevice } from './vip-device.ts'

export interface RetirementOptions {
  readonly config: IpvsConfig
  readonly netns: string | undefined
  readonly log: Logger
}

/**
 * IPVS of one family behind a mode that has taken over from it. It gets no new connections, and keeps those it has: its
 * virtual servers stay, at weight 0, until the kernel counts no connection of theirs, or for the drain limit, and with
 * them whatever leads their packets here. All of this is the kernel's state alone: a process that dies on the way leaves
 * what the next one, in whatever mode, finds and goes on with.
 */
export class IpvsRetirement {
  readonly #options: RetirementOptions
  readonly #sockets: Sockets
  readonly #flows: ConntrackSocket
  readonly #began = performance.now()
  readonly #servers: Map<string, ProgrammedServer>
  /** The VIPs that lead here still. */
  readonly #vips: Set<IpAddress>
  /** Those of them that are addresses still: of a machine that has no other address to put in their place. */
  readonly #addresses: Set<IpAddress>
  readonly #device: string
  /** This machine's own connections that began between the other mode's first and ours last: it has VIPs for sources. */
  #mayHoldVips = true
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> = Promise.resolve()
  #closed = false

  private constructor(
    options: RetirementOptions,
    sockets: Sockets,
    flows: ConntrackSocket,
    state: IpvsState,
    device: VipDevice | undefined,
  ) {
    this.#options = options
    this.#sockets = sockets
    this.#flows = flows
    this.#servers = new Map(state.servers)
    this.#addresses = new Set(state.addresses)
    this.#vips = new Set([...state.addresses, ...(device?.retired ?? [])])
    this.#device = device?.name ?? VIP_DEVICE
  }

  /**
   * To be called when the other mode is in force. Resolves when IPVS gets no new connections any more, and goes on in the
   * background; undefined when it has left nothing. Rejects with a NetlinkError.
   */
  static async begin(options: RetirementOptions): Promise<IpvsRetirement | undefined> {
    const { config, netns } = options
    const sockets = await openSockets(netns)
    let flows: ConntrackSocket | undefined
    try {
      if (!(await hasLeftovers(config, sockets))) {
        await closeSockets(sockets)
        return undefined
      }
      flows = await ConntrackSocket.open(netns === undefined ? {} : { netns })
      const { state, device } = await observe(sockets, config, new Set())
      const retirement = new IpvsRetirement(options, sockets, flows, state, device)
      await retirement.#quiesce(state, device)
      retirement.#goOn(0)
      return retirement
    } catch (error) {
      await flows?.close()
      await closeSockets(sockets)
      throw error
    }
  }

  /** Whether nothing of IPVS is left. */
  get isOver(): boolean {
    return this.#closed && this.#servers.size === 0 && this.#vips.size === 0
  }

  /** Ends the work and leaves the kernel as it is. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#looking
    await this.#flows.close()
    await closeSockets(this.#sockets)
  }

  async #quiesce(state: IpvsState, device: VipDevice | undefined): Promise<void> {
    const { ipvs, nftables, routes } = this.#sockets
    const { config } = this.#options
    await nftables.commit(retireTable(config.family, this.#vips))
    const quiet = [...state.servers.values()].flatMap(({ settings, dests }) =>
      [...dests.values()]
        .filter(({ weight }) => weight > 0)
        .map((dest): ServerChange => {
          return { op: 'change-dest', frontend: undefined, server: settings, dest: { ...dest, weight: 0 } }
        }),
    )
    const { refused, error } = await request(ipvs, quiet, new Pacer())
    if (error !== undefined && !refused.every(isGone)) throw error
    const source = device === undefined ? undefined : await this.#ownAddress(device)
    if (source === undefined) return
    await retireVips(routes, state.addresses, source)
    await changeVips(routes, this.#device, [], this.#addresses)
    this.#addresses.clear()
  }

  /** An address for this machine's own connections to VIPs that stays when those go. */
  async #ownAddress({ foreign }: VipDevice): Promise<IpAddress | undefined> {
    const reachable = (await this.#sockets.routes.addresses())
      .filter(({ address, scope, tentative }) => scope === 'global' && !tentative && foreign.has(address))
      .map(({ address }) => address)
    const { nodeAddresses } = this.#options.config
    return nodeAddresses.find((address) => reachable.includes(address)) ?? reachable[0]
  }

  #goOn(delayMs: number): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().catch((error: unknown) => {
        this.#options.log.warn(
          { error: errorMessage(error) },
          'cannot look at what IPVS has left; trying again',
        )
        this.#goOn(this.#pollMs)
      })
    }, delayMs)
    this.#timer.unref()
  }

  get #pollMs(): number {
    return this.#options.config.drainPollMs ?? DRAIN_POLL_MS
  }

  /** Removes what no connection needs any more; in the end everything. */
  async #look(): Promise<void> {
    const { config, log } = this.#options
    const { nftables, routes } = this.#sockets
    const isLate = performance.now() - this.#began >= (config.drainLimitMs ?? DRAIN_LIMIT_MS)
    await this.#deleteServers(isLate)
    const released = isLate ? [...this.#vips] : await this.#idleVips()
    if (released.length < this.#vips.size || this.#servers.size > 0) {
      await this.#release(released)
      for (const vip of released) this.#vips.delete(vip)
      this.#goOn(this.#pollMs)
      return
    }
    await removeVips(routes, { name: this.#device, addresses: this.#addresses, retired: this.#vips })
    await nftables.commit(removeTable(config.family))
    this.#vips.clear()
    log.info({ family: config.family, late: isLate }, 'nothing of IPVS is left')
    this.#closed = true
    await this.#flows.close()
    await closeSockets(this.#sockets)
  }

  async #release(vips: readonly IpAddress[]): Promise<void> {
    const { routes } = this.#sockets
    await releaseVips(routes, vips)
    await changeVips(
      routes,
      this.#device,
      [],
      vips.filter((vip) => this.#addresses.delete(vip)),
    )
  }

  async #deleteServers(all: boolean): Promise<void> {
    const { ipvs } = this.#sockets
    const servers = [...this.#servers.values()]
    const listed = all ? [] : await ipvs.destsOf(servers.map(({ settings }) => settings.key))
    const idle = servers.filter((_, i) =>
      (listed[i] ?? []).every((dest) => dest.activeConnections + dest.inactiveConnections === 0),
    )
    const gone = idle.map(({ settings }): ServerChange => {
      return { op: 'delete-server', frontend: undefined, server: settings }
    })
    const { refused, error } = await request(ipvs, gone, new Pacer())
    if (error !== undefined && !refused.every(isGone)) throw error
    for (const { settings } of idle) this.#servers.delete(formatVirtualServer(settings.key))
  }

  /** Connections by mark may be to any VIP. */
  async #idleVips(): Promise<IpAddress[]> {
    const keys = [...this.#servers.values()].map(({ settings }) => settings.key)
    if (keys.some(({ kind }) => kind === 'mark')) return []
    const busy = new Set(keys.flatMap((key) => (key.kind === 'address' ? [key.address] : [])))
    if (this.#mayHoldVips) {
      let holds = false
      for (const { original } of await this.#flows.list(this.#options.config.family))
        if (this.#vips.has(original.source)) {
          holds = true
          busy.add(original.source)
        }
      this.#mayHoldVips = holds
    }
    return [...this.#vips].filter((vip) => !busy.has(vip))
  }
}
