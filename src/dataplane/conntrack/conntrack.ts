import type { Registry } from '../../metrics/registry.ts'
import { ConntrackSocket, NetlinkError } from '../../native/conntrack.ts'
import { ConntrackEvents } from '../../native/conntrack-events.ts'
import type { Cidr, IpAddress } from '../../util/address.ts'
import type { Logger } from '../../util/logger.ts'
import type { FrontendChange } from '../desired/frontend.ts'
import { FlowEngine } from './flow-engine.ts'
import { ConntrackMetrics } from './metrics.ts'
import { StaleFlowCleaner } from './stale-flow-cleaner.ts'

export interface ConntrackOptions {
  /** Path of the network namespace; the process's own when absent. */
  readonly netns?: string
  /** Settles when every change handed over so far is in the kernel; rejects when some are not. */
  readonly synced: () => Promise<void>
  readonly serviceCidrs: readonly Cidr[]
  readonly nodeAddresses: readonly IpAddress[]
  /** Services with metrics of their own, 100 by default. */
  readonly topServices?: number
  /** Receive buffer for events, 64 MiB by default. */
  readonly bufferBytes?: number
  readonly registry: Registry
  readonly log: Logger
}

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

  private constructor(
    options: ConntrackOptions,
    metrics: ConntrackMetrics,
    events: ConntrackEvents | undefined,
    socket: ConntrackSocket | undefined,
  ) {
    this.#metrics = metrics
    this.#socket = socket
    if (events !== undefined) this.#engine = new FlowEngine({ events, metrics, log: options.log })
    if (socket !== undefined) {
      const requestedDeletions = () => events?.status().requestedCloseEvents
      this.#cleaner = new StaleFlowCleaner({ ...options, socket, metrics, requestedDeletions })
    }
  }

  /** Never rejects for what the kernel or its permissions lack. */
  static async open(options: ConntrackOptions): Promise<Conntrack> {
    const metrics = new ConntrackMetrics({
      registry: options.registry,
      topServices: options.topServices ?? 100,
    })
    const events = await optional(ConntrackEvents.open(options), (error) => {
      metrics.state(error.code)
      options.log.warn({ code: error.code }, `connections are not counted: ${error.message}`)
    })
    if (events !== undefined) metrics.state(undefined)
    const socket = await optional(ConntrackSocket.open(options), (error) => {
      options.log.warn({ code: error.code }, `stale connections are not deleted: ${error.message}`)
    })
    if (socket !== undefined) metrics.followTable(socket)
    return new Conntrack(options, metrics, events, socket)
  }

  /** Takes note of changes that the dataplane is programming; returns at once. The first call has them all. */
  change(changes: readonly FrontendChange[]): void {
    this.#engine?.change(changes)
    this.#cleaner?.change(changes)
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

/** What opens, or undefined after `report` was told what the kernel said. */
async function optional<Value>(
  opening: Promise<Value>,
  report: (error: NetlinkError) => void,
): Promise<Value | undefined> {
  try {
    return await opening
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error
    report(error)
    return undefined
  }
}
