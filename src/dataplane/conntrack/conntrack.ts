import type { Registry } from '../../metrics/registry.ts'
import type { ObjectName } from '../../model/object-name.ts'
import { formatProblem } from '../../model/problem.ts'
import { ConntrackSocket, NetlinkError } from '../../native/conntrack.ts'
import { ConntrackEvents, type CountingEngine } from '../../native/conntrack-events.ts'
import type { Cidr, IpAddress, IpFamily } from '../../util/address.ts'
import type { Logger } from '../../util/logger.ts'
import type { FrontendChange, FrontendKey } from '../desired/frontend.ts'
import {
  type ConnectionReport,
  type FrontendConnections,
  reportConnections,
  reportFrontend,
} from './connection-report.ts'
import type { Absence, ConntrackStatus } from './conntrack-status.ts'
import { FlowEngine } from './flow-engine.ts'
import { ACCOUNTING_OFF, countsBytes } from './kernel-settings.ts'
import { ConntrackMetrics } from './metrics.ts'
import { StaleFlowCleaner } from './stale-flow-cleaner.ts'
import { staleTcpProblem } from './stale-tcp.ts'

export interface ConntrackOptions {
  /** Path of the network namespace; the process's own when absent. */
  readonly netns?: string
  /** Settles when every change handed over so far is in the kernel; rejects when some are not. */
  readonly synced: () => Promise<void>
  /**
   * Conntrack translates connections itself, as is the default. False where IPVS does that beside it: what conntrack then
   * knows of is the connections that IPVS translates too (`masq`), by where their replies come from, and none under direct
   * return, whose replies do not come by. Those that pass a Service by are not told from these, and not looked for.
   */
  readonly translates?: boolean
  /**
   * Delete TCP connections to endpoints that are gone too, so that they are reset at their next packet; not by
   * default. What stands against it is one warning.
   */
  readonly resetsStaleTcp?: boolean
  readonly serviceCidrs: readonly Cidr[]
  readonly nodeAddresses: readonly IpAddress[]
  /** So many Services have metrics of their own, 100 by default: those with the most connections opened. */
  readonly metricsServices?: number
  /** The same of endpoints. */
  readonly metricsEndpoints?: number
  /** Who counts: an eBPF program where the kernel lets it, else a thread that reads events. */
  readonly countingEngine?: CountingEngine
  /** Receive buffer for events, 64 MiB by default. */
  readonly bufferBytes?: number
  readonly registry: Registry
  readonly log: Logger
}

/** Services and endpoints with metrics of their own. */
const TOP = 100

type Lacks = Pick<ConntrackStatus, 'notCounted' | 'notCleaned' | 'countsBytes'>

/**
 * Connection tracking beside the dataplane: counts the flows of every frontend, and deletes those that lead to
 * something gone. It never stands in the way: what the kernel cannot do is one warning and a metric, and that part
 * stays off.
 */
export class Conntrack {
  readonly #metrics: ConntrackMetrics
  readonly #socket: ConntrackSocket | undefined
  readonly #engine: FlowEngine | undefined
  readonly #cleaner: StaleFlowCleaner | undefined
  readonly #events: ConntrackEvents | undefined
  readonly #lacks: Lacks

  private constructor(
    options: ConntrackOptions & { readonly translates: boolean; readonly resetsTcp: boolean },
    metrics: ConntrackMetrics,
    events: ConntrackEvents | undefined,
    socket: ConntrackSocket | undefined,
    lacks: Lacks,
  ) {
    this.#metrics = metrics
    this.#events = events
    this.#socket = socket
    this.#lacks = lacks
    if (events !== undefined) this.#engine = new FlowEngine({ events, metrics, log: options.log })
    if (socket !== undefined) {
      const requestedDeletions = () => events?.status().requestedCloseEvents
      this.#cleaner = new StaleFlowCleaner({ ...options, socket, metrics, requestedDeletions })
    }
  }

  /** Never rejects for what the kernel or its permissions lack. */
  static async open(options: ConntrackOptions): Promise<Conntrack> {
    const { registry, log, netns, metricsServices = TOP, metricsEndpoints = TOP } = options
    const limits = { services: metricsServices, endpoints: metricsEndpoints }
    const metrics = new ConntrackMetrics({ registry, limits })
    const { translates = true } = options
    const selection = translates ? 'dnat' : 'rewritten'
    const engine = options.countingEngine ?? 'auto'
    const events = await optional(ConntrackEvents.open({ ...options, engine, selection }))
    const socket = await optional(ConntrackSocket.open(options))
    const accounting = await countsBytes(netns)
    const lacks = { notCounted: absenceOf(events), notCleaned: absenceOf(socket), countsBytes: accounting }
    const { notCounted, notCleaned } = lacks
    metrics.state(notCounted?.code)
    metrics.cleanerState(notCleaned?.code)
    metrics.accounting(accounting === true)
    if (notCounted !== undefined)
      log.warn({ code: notCounted.code }, `connections are not counted: ${notCounted.message}`)
    else if (accounting === false) log.info({}, `bytes of connections are not counted: ${ACCOUNTING_OFF}`)
    if (notCleaned !== undefined)
      log.warn({ code: notCleaned.code }, `stale connections are not deleted: ${notCleaned.message}`)
    if (!(socket instanceof NetlinkError)) metrics.followTable(socket)
    const counting = events instanceof ConntrackEvents ? events : undefined
    const cleaning = socket instanceof ConntrackSocket ? socket : undefined
    const { resetsStaleTcp = false } = options
    const problem = resetsStaleTcp ? await staleTcpProblem(netns, translates) : undefined
    if (problem !== undefined) log.warn({}, formatProblem(problem))
    const resetsTcp = resetsStaleTcp && problem === undefined
    return new Conntrack({ ...options, translates, resetsTcp }, metrics, counting, cleaning, lacks)
  }

  /** Takes note of changes that the dataplane is programming; returns at once. The first call has them all. */
  change(changes: readonly FrontendChange[]): void {
    this.#engine?.change(changes)
    this.#cleaner?.change(changes)
  }

  status(): ConntrackStatus {
    return {
      ...this.#lacks,
      engine: this.#events?.status(),
      deleted: this.#cleaner?.deleted ?? 0,
    }
  }

  /** Connections of Services, with all endpoints of `chosen`; undefined when they are not counted. */
  async report(chosen?: ObjectName): Promise<ConnectionReport | undefined> {
    return this.#engine === undefined ? undefined : reportConnections(this.#engine.source, chosen)
  }

  /** Connections of one frontend and of its Service port's endpoints; undefined when they are not counted. */
  async countsOf(family: IpFamily, key: FrontendKey): Promise<FrontendConnections | undefined> {
    return this.#engine === undefined ? undefined : reportFrontend(this.#engine.source, family, key)
  }

  /** Settles when the changes so far are counted by, and what they made stale is gone or its deletion has failed. */
  async idle(): Promise<void> {
    await Promise.all([this.#engine?.idle(), this.#cleaner?.idle()])
  }

  /** Idempotent; flows and their counters in the kernel stay. */
  async close(): Promise<void> {
    await Promise.all([this.#engine?.close(), this.#cleaner?.close()])
    await this.#socket?.close()
    this.#metrics.close()
  }
}

/** What opens, or what the kernel has against it. */
const optional = <Value>(opening: Promise<Value>): Promise<Value | NetlinkError> =>
  opening.catch((error: unknown) => {
    if (error instanceof NetlinkError) return error
    throw error
  })

const absenceOf = (value: ConntrackEvents | ConntrackSocket | NetlinkError): Absence | undefined =>
  value instanceof NetlinkError ? { code: value.code, message: value.message } : undefined
