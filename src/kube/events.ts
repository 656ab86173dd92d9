import { type Backoff, backoffDelay } from '../util/backoff.ts'
import { errorMessage } from '../util/error-message.ts'
import type { Logger } from '../util/logger.ts'
import type { KubeClient } from './client.ts'
import { KubeError } from './error.ts'
import { EventAllowance, type EventPace } from './event-allowance.ts'
import { type EventReport, EventSeries, seriesKey } from './event-series.ts'
import { RateLimiter } from './rate-limiter.ts'

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'json'>
  /** `reportingController`: `kube-proxy` */
  readonly component: string
  /** The node; part of `reportingInstance`. */
  readonly host: string
  readonly log: Logger
  /** A report within this of the one before it belongs to its series, in ms (client-go: 6 min). */
  readonly seriesMs?: number
  /** The count of a series is told this often at most, in ms. */
  readonly refreshMs?: number
  readonly backoff?: Backoff
  /** Of all that is written. */
  readonly pace?: EventPace
  /** Of what is said of one object; undefined: as much as there is. */
  readonly perObject?: EventPace
  /** Reports of one reason but with other notes are things of their own, as in the kubelet's Events. */
  readonly notesMatter?: boolean
}

/** So many things at once are news; more are noise, and memory (client-go: 1,000). */
const MAX_SERIES = 1000

/** As client-go's spam filter begins; a component that has more to say has it in its log. */
const PACE: EventPace = { burst: 25, perSecond: 1 }

/** Attempts at one Event before it is given up (client-go: 12). */
const MAX_ATTEMPTS = 12

interface Tracked {
  readonly series: EventSeries
  /** What the API server was told; 0: nothing yet. */
  told: number
  toldAt: number
  attempts: number
}

/**
 * Writes events.k8s.io/v1 Events on a best-effort basis: `report` returns at once and never throws, repeats become the
 * count of a series, and what cannot be written is given up rather than kept for ever.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions
  readonly #limiter: RateLimiter
  readonly #allowance: EventAllowance | undefined
  readonly #known = new Map<string, Tracked>()
  readonly #ended = new AbortController()
  #running: Promise<void> | undefined
  #wake: NodeJS.Timeout | undefined
  /** Nothing is sent until then: after a failure, and before the limiter's turn. */
  #notBefore = 0
  #hasTurn = false
  #dropped = false
  #denied = false

  constructor(options: EventRecorderOptions) {
    this.#options = options
    const { pace = PACE, perObject } = options
    this.#limiter = new RateLimiter(pace.perSecond, pace.burst)
    this.#allowance = perObject === undefined ? undefined : new EventAllowance(perObject)
  }

  report(report: EventReport): void {
    if (this.#ended.signal.aborted) return
    const now = Date.now()
    if (this.#allowance?.take(report, now) === false) return
    const key = this.#options.notesMatter ? `${seriesKey(report)}\n${report.note}` : seriesKey(report)
    const tracked = this.#known.get(key)
    const { seriesMs = 360_000 } = this.#options
    if (tracked !== undefined && now - tracked.series.lastObserved <= seriesMs) tracked.series.observe(now)
    else if (this.#hasRoom(now - seriesMs))
      this.#known.set(key, {
        series: new EventSeries(report, this.#options, now),
        told: 0,
        toldAt: 0,
        attempts: 0,
      })
    this.#run()
  }

  /** Gives up what is not written yet. */
  async close(): Promise<void> {
    this.#ended.abort()
    clearTimeout(this.#wake)
    await this.#running
  }

  /** Forgets series that have ended, or else one that is told in full: a repeat of it is an Event of its own. */
  #hasRoom(before: number): boolean {
    if (this.#known.size < MAX_SERIES) return true
    for (const [key, { series }] of this.#known) if (series.lastObserved < before) this.#known.delete(key)
    if (this.#known.size < MAX_SERIES) return true
    const done = [...this.#known].find(([, { series, told }]) => told === series.count)
    if (done !== undefined) return this.#known.delete(done[0])
    if (!this.#dropped)
      this.#options.log.warn({ known: MAX_SERIES }, 'too much happens at once: Events are left out')
    this.#dropped = true
    return false
  }

  #run(): void {
    this.#running ??= this.#tellAll().finally(() => {
      this.#running = undefined
      this.#sleepUntilDue()
    })
  }

  async #tellAll(): Promise<void> {
    const { signal } = this.#ended
    for (;;) {
      const next = [...this.#known].find(([, tracked]) => this.#dueAt(tracked) <= Date.now())
      if (next === undefined || signal.aborted || !this.#takeTurn()) return
      await this.#tell(...next)
    }
  }

  /** False when the turn, which is taken, is not due before `#notBefore`. */
  #takeTurn(): boolean {
    const wait = this.#hasTurn ? 0 : this.#limiter.reserve()
    this.#hasTurn = wait > 0
    if (wait > 0) this.#notBefore = Date.now() + Math.ceil(wait)
    return wait === 0
  }

  /** When the API server should hear of a series; infinite while it knows all. */
  #dueAt({ series, told, toldAt }: Tracked): number {
    if (told === series.count) return Number.POSITIVE_INFINITY
    // The first repeat is news: it makes an Event a series.
    const { refreshMs = 60_000 } = this.#options
    return Math.max(this.#notBefore, told <= 1 ? 0 : toldAt + refreshMs)
  }

  #sleepUntilDue(): void {
    clearTimeout(this.#wake)
    if (this.#ended.signal.aborted) return
    const due = Math.min(...[...this.#known.values()].map((tracked) => this.#dueAt(tracked)))
    if (Number.isFinite(due))
      this.#wake = setTimeout(() => this.#run(), Math.max(0, due - Date.now())).unref()
  }

  async #tell(key: string, tracked: Tracked): Promise<void> {
    const { series, told } = tracked
    const { client } = this.#options
    const { signal } = this.#ended
    const count = series.count
    tracked.attempts++
    try {
      if (told === 0)
        await client.json({ method: 'POST', path: series.collection, body: series.toObject(), signal })
      else
        await client.json({
          method: 'PATCH',
          path: series.path,
          contentType: 'application/merge-patch+json',
          body: series.toPatch(),
          signal,
        })
      settle(tracked, count)
    } catch (error) {
      if (signal.aborted) return
      const status = error instanceof KubeError ? error.status : undefined
      // The name is this process's choice: it is there because an attempt before this one succeeded unheard.
      if (status === 409 && told === 0) settle(tracked, 1)
      else if (status === 404 && told > 0) {
        series.rename()
        tracked.told = 0
      } else this.#failed(key, tracked, status, error)
    }
  }

  #failed(key: string, tracked: Tracked, status: number | undefined, error: unknown): void {
    const { log, backoff = { firstMs: 1000, maxMs: 60_000 } } = this.#options
    const isRefused = status !== undefined && status < 500 && status !== 429
    if (!isRefused && tracked.attempts < MAX_ATTEMPTS) {
      this.#notBefore = Date.now() + backoffDelay(backoff, tracked.attempts)
      return
    }
    this.#known.delete(key)
    if (status === 403) this.#notBefore = Date.now() + backoff.maxMs
    if (status !== 403 || !this.#denied)
      log.warn({ error: errorMessage(error) }, 'an Event could not be written')
    if (status === 403) this.#denied = true
  }
}

function settle(tracked: Tracked, count: number): void {
  tracked.told = count
  tracked.toldAt = Date.now()
  tracked.attempts = 0
}
