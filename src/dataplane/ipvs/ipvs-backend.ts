import type { SocketStats } from '../../native/addon.ts'
import { IpvsTransaction, NetlinkError } from '../../native/ipvs.ts'
import { Pacer } from '../../util/pacer.ts'
import type { Backend, CommitOutcome, FrontendChanges } from '../backend.ts'
import type { Frontend, FrontendKey } from '../desired/frontend.ts'
import { DataplaneError } from '../errors.ts'
import { openError } from '../kernel-failure.ts'
import { addStats } from '../socket-stats.ts'
import type { Watch } from '../watch.ts'
import { compareWithKernel } from './compare.ts'
import { countedServers } from './counters.ts'
import { DRAIN_LIMIT_MS, DRAIN_POLL_MS, drained } from './draining.ts'
import { failedTable, isGone, lacking, refusedRequests } from './failure.ts'
import type { IpvsConfig } from './ipvs-config.ts'
import { IpvsState } from './ipvs-state.ts'
import { hasLeftovers } from './leftovers.ts'
import { namesOf, observe } from './observe.ts'
import { isEmptyTablePlan, type Plan, type ServerChange } from './plan.ts'
import { PlanBuilder } from './plan-builder.ts'
import { Probe } from './probe.ts'
import { PULSE_MS, Pulse } from './pulse.ts'
import { type RequestResult, request } from './requests.ts'
import { releaseVips } from './retired-vips.ts'
import { removeTable } from './retirement-table.ts'
import { closeSockets, openSockets, type Sockets } from './sockets.ts'
import { describeFrontend } from './standing.ts'
import { setSysctls, wrongSysctls } from './sysctls.ts'
import { tableTransaction } from './table-transaction.ts'
import { changeVips, makeVipDevice, removeVips, VIP_DEVICE } from './vip-device.ts'

/**
 * Frontends of one family as IPVS virtual servers, with a small table beside it for what IPVS cannot do (`chains.ts`).
 * IPVS knows no transactions: requests that the kernel refuses leave their frontend as far as it got and all others in
 * force, and state advances request by request. `plan.ts` says in which order and why.
 */
export class IpvsBackend implements Backend {
  readonly #sockets: Sockets
  readonly #config: IpvsConfig
  readonly #netns: string | undefined
  #state = new IpvsState()
  #device: string = VIP_DEVICE
  /** The last call, or look at draining real servers: they come one at a time. */
  #turn: Promise<unknown> = Promise.resolve()
  #drainTimer: NodeJS.Timeout | undefined
  #probe = new Probe(this.#state)
  readonly #pulse: Pulse
  #closed = false

  private constructor(sockets: Sockets, config: IpvsConfig, netns: string | undefined) {
    this.#sockets = sockets
    this.#config = config
    this.#netns = netns
    this.#pulse = new Pulse(() => this.#alone(() => this.#look()), config.pulseMs ?? PULSE_MS)
  }

  /**
   * Opens sockets and asks the kernel for a sign of life; nothing in it changes. Rejects with a DataplaneError when
   * there is no permission, no IPVS, no nf_tables or no such namespace.
   */
  static async open(config: IpvsConfig, netns: string | undefined): Promise<IpvsBackend> {
    try {
      return new IpvsBackend(await openSockets(netns), config, netns)
    } catch (error) {
      throw openError(error, netns, lacking)
    }
  }

  update(changes: FrontendChanges): Promise<CommitOutcome> {
    return this.#alone(() => this.#bring(changes, false))
  }

  /**
   * Takes over what is right in the kernel and changes the rest: nothing is flushed, and established connections go on.
   */
  rebuild(frontends: readonly Frontend[]): Promise<CommitOutcome> {
    return this.#alone(async () => {
      try {
        await setSysctls(this.#config.strictArp, this.#netns)
        this.#device = await makeVipDevice(this.#sockets.routes)
        await this.#sockets.ipvs.apply(timeouts(this.#config))
        const { state, device } = await observe(this.#sockets, this.#config, namesOf(frontends, this.#config))
        this.#state = state
        this.#probe = new Probe(state)
        const outcome = await this.#bring(new Map(frontends.map((one) => [one.key, one])), true)
        // What another mode left of this one when it took over; the addresses are back now.
        if (outcome.kind === 'committed' && device !== undefined)
          await releaseVips(this.#sockets.routes, device.retired)
        return outcome
      } catch (error) {
        return failed(error)
      }
    })
  }

  audit(): Promise<readonly string[]> {
    return this.#alone(async () => [
      ...(await wrongSysctls(this.#config.strictArp, this.#netns)),
      ...(await compareWithKernel(this.#sockets, this.#config, this.#state, new Pacer())),
    ])
  }

  get watch(): Watch {
    return { what: `${this.#config.family} IPVS`, next: () => this.#pulse.next() }
  }

  objects(): ReadonlyMap<string, number> {
    const servers = [...this.#state.servers.values()]
    return new Map([
      ['frontends', this.#state.frontends.size],
      ['virtual-servers', servers.length],
      ['real-servers', servers.reduce((sum, { dests }) => sum + dests.size, 0)],
      ['addresses', this.#state.addresses.size],
      ['elements', this.#state.elements],
    ])
  }

  describe(key: FrontendKey): readonly string[] {
    return describeFrontend(key, this.#config, this.#state)
  }

  async counters(key: FrontendKey): Promise<readonly string[]> {
    const frontend = this.#state.frontends.get(key)
    if (frontend === undefined) return []
    return countedServers(this.#sockets.ipvs, frontend, this.#config, this.#state)
  }

  remove(): Promise<void> {
    return this.#alone(async () => {
      const { ipvs, nftables, routes } = this.#sockets
      if (!(await hasLeftovers(this.#config, this.#sockets))) return
      const { state, device } = await observe(
        this.#sockets,
        this.#config,
        new Set(this.#state.servers.keys()),
      )
      const gone = [...state.servers.values()].map(({ settings }): ServerChange => {
        return { op: 'delete-server', frontend: undefined, server: settings }
      })
      const { refused, error } = await request(ipvs, gone, new Pacer())
      if (error !== undefined && !refused.every(isGone)) throw error
      if (device !== undefined) await removeVips(routes, device)
      await nftables.commit(removeTable(this.#config.family))
      this.#state = new IpvsState()
    })
  }

  stats(): SocketStats {
    return addStats(Object.values(this.#sockets).map((socket) => socket.stats()))
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#drainTimer)
    this.#pulse.close()
    await this.#turn
    await closeSockets(this.#sockets)
  }

  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined).then(() => this.#watchDraining())
    return done
  }

  async #bring(changes: FrontendChanges, rebuilding: boolean): Promise<CommitOutcome> {
    const pacer = new Pacer()
    const builder = new PlanBuilder(this.#config, this.#state)
    for (const [key, frontend] of changes) {
      builder.add(key, frontend)
      if (pacer.due()) await pacer.pause()
    }
    if (rebuilding) builder.deleteLeftovers()
    const { plan, adopt } = builder.finish()
    try {
      const prepared = await this.#request(plan.prepare, pacer)
      const refusal = refusedRequests(prepared, rebuilding)
      if (refusal?.kind === 'refused') await this.#request(undoing(prepared.made, refusal.frontends))
      if (refusal !== undefined) return refusal
      if (!isEmptyTablePlan(plan.table)) {
        const written = await tableTransaction(plan.table, this.#config, pacer)
        try {
          await this.#sockets.nftables.commit(written.transaction)
        } catch (error) {
          return failedTable(error, written, new Set(changes.keys()), plan.table.creation)
        }
      }
      adopt()
      const { refused, error } = await this.#request(plan.finish, pacer)
      if (error !== undefined && !refused.every(isGone)) return { kind: 'failed', error }
      await this.#changeAddresses(plan.addresses)
    } catch (error) {
      return failed(error)
    }
    return { kind: 'committed' }
  }

  /** Sends requests and takes into the state what was made; what was to be deleted and is gone counts as made. */
  async #request(changes: readonly ServerChange[], pacer = new Pacer()): Promise<RequestResult> {
    const result = await request(this.#sockets.ipvs, changes, pacer)
    const now = performance.now()
    for (const change of result.made) {
      this.#state.adopt(change, now)
      if (pacer.due()) await pacer.pause()
    }
    for (const { change } of result.refused.filter(isGone)) {
      if ('dest' in change) this.#state.adopt({ ...change, op: 'delete-dest' }, now)
      else if (change.op === 'delete-server') this.#state.adopt(change, now)
    }
    return result
  }

  async #changeAddresses({ added, removed }: Plan['addresses']): Promise<void> {
    await changeVips(this.#sockets.routes, this.#device, added, removed)
    for (const address of added) this.#state.addresses.add(address)
    for (const address of removed) this.#state.addresses.delete(address)
  }

  #watchDraining(): void {
    if (this.#closed || this.#drainTimer !== undefined || this.#state.draining().length === 0) return
    this.#drainTimer = setTimeout(() => {
      this.#drainTimer = undefined
      // A look that fails is one that the next may make up for; what is there is safe meanwhile.
      this.#alone(() => this.#deleteDrained()).catch(() => undefined)
    }, this.#config.drainPollMs ?? DRAIN_POLL_MS)
    this.#drainTimer.unref()
  }

  async #look(): Promise<string[]> {
    if (!this.#state.hasTable) return []
    // Those of another namespace take a process to see.
    const settings = this.#netns === undefined ? await wrongSysctls(this.#config.strictArp, undefined) : []
    return [...settings, ...(await this.#probe.look(this.#sockets, this.#device))]
  }

  async #deleteDrained(): Promise<void> {
    const servers = this.#state.draining()
    const listed = await this.#sockets.ipvs.destsOf(servers.map(({ settings }) => settings.key))
    const [now, limit] = [performance.now(), this.#config.drainLimitMs ?? DRAIN_LIMIT_MS]
    await this.#request(servers.flatMap((server, i) => drained(server, listed[i] ?? [], now, limit)))
  }
}

/** Virtual servers that were made for frontends which got no further: nobody would know of them when those go. */
const undoing = (made: readonly ServerChange[], frontends: ReadonlySet<FrontendKey>): ServerChange[] =>
  made.flatMap((change): ServerChange[] =>
    change.op === 'add-server' && change.frontend !== undefined && frontends.has(change.frontend)
      ? [{ op: 'delete-server', frontend: undefined, server: change.server }]
      : [],
  )

const timeouts = ({ timeouts }: IpvsConfig): IpvsTransaction => {
  const changes = new IpvsTransaction()
  return Object.values(timeouts).some((seconds) => seconds > 0) ? changes.setTimeouts(timeouts) : changes
}

/** Expected failures are outcomes; anything else is a bug. */
function failed(error: unknown): CommitOutcome {
  if (error instanceof NetlinkError || error instanceof DataplaneError) return { kind: 'failed', error }
  throw error
}
