import type { Change } from '../model/change.ts'
import type { ObjectName } from '../model/object-name.ts'
import type { Problem } from '../model/problem.ts'
import type { WatchedTable } from '../native/nft-monitor.ts'
import type { IpFamily } from '../util/address.ts'
import { errorMessage } from '../util/error-message.ts'
import { Pacer } from '../util/pacer.ts'
import { Arrivals } from './arrivals.ts'
import type { ConnectionReport } from './conntrack/connection-report.ts'
import { Conntrack } from './conntrack/conntrack.ts'
import type { ConntrackStatus } from './conntrack/conntrack-status.ts'
import type { FlowList, FlowQuery } from './conntrack/list-flows.ts'
import { DesiredCompiler } from './desired/compiler.ts'
import type { FrontendChange } from './desired/frontend.ts'
import type { Explanation } from './explain/explanation.ts'
import type { Question } from './explain/question.ts'
import { FirstSuccess } from './first-success.ts'
import { explainConnection, type Inspected, listConnections, reportCounts } from './inspection.ts'
import type { IpvsRetirement } from './ipvs/retirement.ts'
import { removeLeftovers } from './leftovers.ts'
import { DataplaneMetrics } from './metrics.ts'
import { NetlinkMetrics } from './netlink-metrics.ts'
import { type OpenedBackend, openBackend } from './open-backend.ts'
import type { ProxyMode } from './proxy-modes.ts'
import { type ServiceProxyOptions, tableConfig } from './proxy-options.ts'
import { type ProxyFamily, reportFrontends, reportProblems } from './proxy-report.ts'
import { Reconciler } from './reconciler.ts'
import type { FamilyStatus, ProxyStatus } from './status.ts'
import { Vigilance } from './vigilance.ts'

export type { ServiceProxyOptions } from './proxy-options.ts'

/**
 * The service proxy: Services and EndpointSlices in, balanced connections out. The kernel is first touched by the
 * first `apply`, which should carry the whole world as it is: it replaces whatever an earlier process left, in one
 * step, so that connections never notice.
 */
export class ServiceProxy {
  readonly #options: ServiceProxyOptions
  readonly #mode: ProxyMode
  readonly #compiler: DesiredCompiler
  readonly #families: readonly ProxyFamily[]
  readonly #metrics: DataplaneMetrics
  readonly #netlinkMetrics: NetlinkMetrics
  /** Changes that `apply` was given and the compiler has not seen yet. */
  #arrived: (readonly Change[])[] = []
  #compiling: Promise<void> | undefined
  /** The tables that are ours, or partly so. */
  readonly #tables: readonly WatchedTable[]
  #conntrack: Conntrack | undefined
  /** The opening of conntrack, then what it is told, in order: nothing waits for it. */
  #tracking: Promise<void> | undefined
  #vigilance: Vigilance | undefined
  readonly #inForce = new FirstSuccess()
  #stopped = false
  /** What IPVS has left to finish behind this mode. */
  readonly #retirements: IpvsRetirement[] = []

  private constructor(options: ServiceProxyOptions, backends: ReadonlyMap<IpFamily, OpenedBackend>) {
    this.#options = options
    this.#mode = options.mode ?? 'nftables'
    this.#tables = [...backends.values()].flatMap(({ tables }) => tables)
    this.#compiler = new DesiredCompiler(options)
    this.#metrics = new DataplaneMetrics(options.registry)
    this.#metrics.followProblems(() => this.problems())
    this.#netlinkMetrics = new NetlinkMetrics(options.registry)
    this.#families = [...backends].map(([family, { backend, sockets }]) => {
      for (const [name, stats] of sockets) this.#netlinkMetrics.add(name, stats)
      const reconciler = new Reconciler({
        family,
        backend,
        minSyncPeriodMs: options.minSyncPeriodMs ?? 0,
        metrics: this.#metrics.family(family, () => backend.objects()),
        log: options.log,
      })
      return { family, backend, reconciler }
    })
  }

  /**
   * Opens what talks to the kernel, one socket a family, and changes nothing yet. Rejects with a DataplaneError:
   * NO_PERMISSION, NO_NFTABLES (or its like of another mode) or NETNS_UNAVAILABLE.
   */
  static async open(options: ServiceProxyOptions): Promise<ServiceProxy> {
    const { mode = 'nftables', netns, ipvsSettings } = options
    const backends = new Map<IpFamily, OpenedBackend>()
    try {
      for (const family of options.families) {
        backends.set(family, await openBackend(mode, tableConfig(options, family), netns, ipvsSettings))
      }
      return new ServiceProxy(options, backends)
    } catch (error) {
      for (const { backend } of backends.values()) await backend.close()
      throw error
    }
  }

  /** Finds out whether `open` would succeed, and changes nothing. Rejects as it does. */
  static async probe(options: ServiceProxyOptions): Promise<void> {
    for (const family of options.families) {
      const { mode = 'nftables', netns, ipvsSettings } = options
      const { backend } = await openBackend(mode, tableConfig(options, family), netns, ipvsSettings)
      await backend.close()
    }
  }

  /** Takes in changes that belong together; returns at once. See `synced` for when they are in force. */
  apply(changes: readonly Change[]): void {
    this.#arrived.push(changes)
    this.#compiling ??= this.#compile().finally(() => {
      this.#compiling = undefined
    })
  }

  /**
   * Settles when everything applied so far is in the kernel. Rejects with a DataplaneError when some of it is not and
   * is being tried again with back-off; waits for ever before the first `apply`.
   */
  async synced(): Promise<void> {
    while (this.#compiling !== undefined) await this.#compiling
    await Promise.all(this.#families.map(({ reconciler }) => reconciler.synced()))
  }

  /**
   * Settles when the kernel has had everything once, however many attempts that took, but for what it refuses. Rejects
   * with a DataplaneError `CLOSED` when the proxy is closed before.
   */
  inForce(): Promise<void> {
    return this.#inForce.promise
  }

  /** How each family is doing: for probes, which `status` with its look at every frontend would be too much for. */
  families(): readonly FamilyStatus[] {
    return this.#families.map(({ reconciler }) => ({ mode: this.#mode, ...reconciler.status() }))
  }

  status(): ProxyStatus {
    return {
      families: this.families(),
      frontends: reportFrontends(this.#compiler, this.#families),
      problems: this.problems(),
      conntrack: this.#conntrack?.status(),
    }
  }

  /** What Services ask for and do not get, and what the kernel refuses. */
  problems(): readonly Problem[] {
    return reportProblems(this.#compiler, this.#families)
  }

  /** What happens to a connection on this node, and why. Rejects with a NetlinkError when conntrack cannot be read. */
  explain(question: Question): Promise<Explanation> {
    return explainConnection(question, this.#inspected())
  }

  /** How connection tracking does: for those who ask often, as `status` looks at every frontend. */
  conntrackStatus(): ConntrackStatus | undefined {
    return this.#conntrack?.status()
  }

  /** Connections of Services, with all endpoints of `chosen`; undefined where nobody counts them: `status` says why. */
  connections(chosen?: ObjectName): Promise<ConnectionReport | undefined> {
    return reportCounts(chosen, this.#inspected())
  }

  /** Connections that the kernel tracks. Rejects with a NetlinkError. */
  flows(query: FlowQuery): Promise<FlowList> {
    return listConnections(query, this.#inspected())
  }

  #inspected(): Inspected {
    return {
      options: this.#options,
      mode: this.#mode,
      compiler: this.#compiler,
      families: this.#families,
      conntrack: this.#conntrack,
      problems: () => this.problems(),
    }
  }

  /**
   * Compares the kernel with what was committed and makes our table anew where somebody else changed it. Returns the
   * differences in words. Rejects as `synced` does, and with a NetlinkError when the kernel cannot be read.
   */
  async audit(): Promise<readonly string[]> {
    while (this.#compiling !== undefined) await this.#compiling
    const found: string[] = []
    for (const { reconciler } of this.#families) found.push(...(await reconciler.audit()))
    return found
  }

  /**
   * Removes what this or another proxy left in the kernel in other modes than this one, kube-proxy's included. To be
   * called when this one is in force: until then those serve. What IPVS forwards goes on in the background until it
   * ends. Rejects with the first failure, behind an attempt at all.
   */
  removeLeftovers(): Promise<void> {
    // What stands is read and then removed, for which no transaction may come between, and most are our own.
    const remove = this.#families.reduce<() => Promise<void>>(
      (work, { reconciler }) =>
        () =>
          reconciler.aside(work),
      () =>
        removeLeftovers(this.#mode, this.#options, (retirement) => {
          this.#retirements.push(retirement)
          if (this.#stopped) void retirement.close()
        }),
    )
    return remove()
  }

  /** Ends the work and removes our tables, nothing else. Only `close` may follow. */
  async cleanup(): Promise<void> {
    await this.#stop()
    for (const { backend } of this.#families) await backend.remove()
  }

  /** Ends the work and leaves the rules in force. Idempotent. */
  async close(): Promise<void> {
    await this.#stop()
    for (const { backend } of this.#families) await backend.close()
    this.#metrics.close()
    this.#netlinkMetrics.close()
  }

  async #stop(): Promise<void> {
    this.#stopped = true
    const watching = await this.#vigilance?.close()
    await this.#tracking
    await this.#conntrack?.close()
    for (const retirement of this.#retirements) await retirement.close()
    while (this.#compiling !== undefined) await this.#compiling
    for (const { reconciler } of this.#families) await reconciler.stop()
    await watching?.whenOver
    this.#inForce.reject()
  }

  /** Compiles all that is dirty, a slice of the event loop at a time, and hands it over as one piece. */
  async #compile(): Promise<void> {
    // A turn of the microtask queue lets several `apply` calls of one turn become one transaction.
    await undefined
    const pacer = new Pacer()
    const changes: FrontendChange[] = []
    const arrivals = new Arrivals()
    while (this.#arrived.length > 0 || this.#compiler.dirty > 0) {
      await this.#takeIn(pacer, arrivals)
      for (const change of this.#compiler.compile(() => !pacer.due())) changes.push(change)
      if (this.#compiler.dirty > 0) await pacer.pause()
    }
    const waiting = new Set(this.#families.map(({ family }) => family))
    for (const { family, reconciler } of this.#families)
      reconciler.change(
        changes.filter((change) => change.family === family),
        () => {
          for (const time of arrivals.triggerTimes[family]) this.#metrics.programmed(family, time)
          waiting.delete(family)
          if (waiting.size > 0) return
          this.#metrics.settle(arrivals)
          this.#inForce.resolve()
        },
      )
    this.#track(changes)
    this.#vigilance ??= this.#watch()
  }

  #track(changes: readonly FrontendChange[]): void {
    if (this.#options.tracksConnections !== true) return
    this.#tracking = (this.#tracking ?? this.#openConntrack()).then(() => this.#conntrack?.change(changes))
  }

  async #openConntrack(): Promise<void> {
    const { log } = this.#options
    try {
      const translates = this.#mode !== 'ipvs'
      this.#conntrack = await Conntrack.open({ ...this.#options, translates, synced: () => this.synced() })
    } catch (error) {
      log.error({ error: errorMessage(error) }, 'connections are neither counted nor cleaned up')
    }
  }

  #watch(): Vigilance | undefined {
    const { auditIntervalMs, netns, log } = this.#options
    if (auditIntervalMs === undefined) return undefined
    const options = {
      tables: this.#tables,
      netns,
      watches: this.#families.flatMap(({ backend }) => backend.watch ?? []),
      audit: () => this.audit(),
      intervalMs: auditIntervalMs,
      metrics: this.#netlinkMetrics,
      log,
    }
    return new Vigilance(options, this.synced())
  }

  async #takeIn(pacer: Pacer, arrivals: Arrivals): Promise<void> {
    const arrived = this.#arrived
    this.#arrived = []
    for (const change of arrived.flat()) {
      if (change.kind === 'Service') this.#metrics.serviceChanged()
      else if (change.kind === 'EndpointSlice') this.#metrics.endpointsChanged()
      arrivals.add(change)
      this.#compiler.apply(change)
      if (pacer.due()) await pacer.pause()
    }
  }
}
