import type { ConntrackEvents } from '../../native/conntrack-events.ts'
import { type Backoff, backoffDelay } from '../../util/backoff.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { Pacer } from '../../util/pacer.ts'
import type { FrontendChange } from '../desired/frontend.ts'
import type { CountSource } from './flow-counts.ts'
import { FlowRows } from './flow-rows.ts'
import type { EngineMetrics } from './metrics.ts'
import { ResyncPolicy } from './resync-policy.ts'

export interface FlowEngineOptions {
  readonly events: ConntrackEvents
  readonly metrics: EngineMetrics
  readonly log: Logger
}

/** A table is made anew as a whole, in a few ms of another thread: so often at most, whatever changes. */
const LEAST_TABLE_INTERVAL_MS = 100
/** How often the engine is asked whether events were lost. */
const WATCH_INTERVAL_MS = 1000
const TABLE_RETRY: Backoff = { firstMs: 1000, maxMs: 60_000 }

/** Keeps the native counting in step with the frontends, and its active flows right after losses. */
export class FlowEngine {
  readonly #events: ConntrackEvents
  readonly #metrics: EngineMetrics
  readonly #log: Logger
  readonly #rows = new FlowRows()
  readonly #resyncs = new ResyncPolicy()
  readonly #watch: NodeJS.Timeout
  #changes: (readonly FrontendChange[])[] = []
  #updating: Promise<void> | undefined
  #resyncing: Promise<void> | undefined
  #tableTimer: NodeJS.Timeout | undefined
  #tableNotBefore = 0
  #tableFailures = 0
  #tableStale = false
  #hasTable = false
  /** What was said of the last failure. */
  #complaint: string | undefined
  #closed = false

  constructor(options: FlowEngineOptions) {
    this.#events = options.events
    this.#metrics = options.metrics
    this.#log = options.log
    this.#watch = setInterval(() => this.#watchLosses(), WATCH_INTERVAL_MS)
    this.#watch.unref()
    options.metrics.follow(this.source)
  }

  /** The counters, for whoever looks. */
  get source(): CountSource {
    return { events: this.#events, rows: this.#rows }
  }

  /** Takes note of changes; they are counted by within LEAST_TABLE_INTERVAL_MS. */
  change(changes: readonly FrontendChange[]): void {
    this.#changes.push(changes)
    this.#wake()
  }

  /** Settles when flows are counted by all changes so far, and the active ones of before are known. */
  async idle(): Promise<void> {
    while (this.#updating !== undefined || this.#tableTimer !== undefined || this.#resyncing !== undefined) {
      await (this.#updating ?? this.#resyncing ?? new Promise((resolve) => setTimeout(resolve, 10)))
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#watch)
    clearTimeout(this.#tableTimer)
    this.#tableTimer = undefined
    await this.#updating
    await this.#events.close()
    await this.#resyncing
  }

  #wake(): void {
    if (this.#closed || this.#updating !== undefined || this.#tableTimer !== undefined) return
    const wait = this.#tableNotBefore - performance.now()
    if (wait > 0) {
      this.#tableTimer = setTimeout(() => {
        this.#tableTimer = undefined
        this.#wake()
      }, wait)
      return
    }
    this.#updating = this.#update().finally(() => {
      this.#updating = undefined
      if (this.#changes.length > 0 || this.#tableStale) this.#wake()
    })
  }

  async #update(): Promise<void> {
    const pacer = new Pacer()
    const taken = this.#changes
    this.#changes = []
    this.#tableStale = true
    for (const change of taken.flat()) {
      this.#rows.change(change)
      if (pacer.due()) await pacer.pause()
    }
    if (this.#closed) return
    try {
      await this.#events.setTable(this.#rows.table)
      this.#rows.handedOver()
      this.#tableStale = false
      this.#tableFailures = 0
      this.#tableNotBefore = performance.now() + LEAST_TABLE_INTERVAL_MS
    } catch (error) {
      const delay = backoffDelay(TABLE_RETRY, ++this.#tableFailures)
      this.#tableNotBefore = performance.now() + delay
      this.#warn(error, 'connections are counted by the Services of before')
      return
    }
    if (this.#hasTable) return
    this.#hasTable = true
    this.#watchLosses()
  }

  #watchLosses(): void {
    if (this.#closed || !this.#hasTable || this.#resyncing !== undefined) return
    const { droppedEvents } = this.#events.status()
    if (!this.#resyncs.due(performance.now(), droppedEvents)) return
    this.#resyncing = this.#resync(droppedEvents).finally(() => {
      this.#resyncing = undefined
    })
  }

  async #resync(dropped: number): Promise<void> {
    const began = performance.now()
    try {
      await this.#events.resync()
      const took = performance.now() - began
      this.#resyncs.succeeded(performance.now(), took, dropped)
      this.#metrics.resynced(took / 1000)
      this.#complaint = undefined
    } catch (error) {
      if (this.#closed) return
      this.#resyncs.failed(performance.now(), performance.now() - began)
      this.#metrics.resyncFailed()
      this.#warn(error, 'active connections are not counted anew yet')
    }
  }

  /** Says why once, however often it is tried again. */
  #warn(error: unknown, message: string): void {
    const why = errorMessage(error)
    if (why !== this.#complaint) this.#log.warn({ error: why }, message)
    this.#complaint = why
  }
}
