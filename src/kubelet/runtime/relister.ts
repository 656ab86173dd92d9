import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import type { CriClient } from './cri-client.ts'
import { RuntimeEvents } from './events.ts'
import type { PodScope } from './pod-scope.ts'
import { type RuntimeSnapshot, takeSnapshot } from './snapshot.ts'
import type { SnapshotClock } from './snapshot-clock.ts'

/** Between two readings when nothing is heard, in ms: with events only as a safety net. */
const INTERVAL_MS = { withEvents: 10_000, withoutEvents: 1_000 }
/** A runtime that is away is asked again after 100 ms, doubling. */
const AWAY_MS = { first: 100, max: 2_000 }
/** Readings asked for take at most about a sixth of the time, however many events there are. */
const REST_RATIO = 5
const MIN_REST_MS = 10
/** An end that the runtime announced but never shows is forgotten. */
const HINT_MS = 10_000

export interface RelisterOptions {
  readonly client: CriClient
  readonly scope: PodScope
  readonly clock: SnapshotClock
  readonly onSnapshot: (snapshot: RuntimeSnapshot) => void
  /** Once, when the runtime stops answering; the next snapshot says that it is back. */
  readonly onAway: (error: unknown) => void
  readonly observe: (seconds: number, sinceLastSeconds: number | undefined) => void
  readonly log: Logger
}

/**
 * Reads the runtime again and again: at once when an event or somebody asks for it, else at intervals. Events are hints;
 * what is decided is decided from snapshots.
 */
export class Relister {
  readonly #options: RelisterOptions
  readonly #events: RuntimeEvents
  #snapshot: RuntimeSnapshot | undefined
  #timer: NodeJS.Timeout | undefined
  #reading = false
  #requested = false
  #closed = false
  #withEvents = false
  #awayDelay = 0
  #lastEnd: number | undefined
  #lastDuration = 0
  /** Announced ends that no snapshot shows yet, by ID, with when they were announced. */
  readonly #ended = new Map<string, number>()

  constructor(options: RelisterOptions) {
    this.#options = options
    this.#events = new RuntimeEvents(options.client, {
      hint: (endedId) => {
        if (endedId !== undefined) this.#ended.set(endedId, performance.now())
        this.request()
      },
      connected: (connected) => {
        this.#withEvents = connected
        // What happened before the stream was open was not announced on it.
        this.request()
      },
    })
  }

  /** The last reading; undefined before the first. */
  get snapshot(): RuntimeSnapshot | undefined {
    return this.#snapshot
  }

  /** How long ago the last reading ended, in ms; infinite before the first. */
  get ageMs(): number {
    return this.#lastEnd === undefined ? Number.POSITIVE_INFINITY : performance.now() - this.#lastEnd
  }

  /** Takes the first snapshot; rejects when the runtime is not there. */
  async start(): Promise<void> {
    this.#events.open()
    this.#reading = true
    try {
      await this.#read()
    } finally {
      this.#reading = false
    }
    this.#schedule()
  }

  /** Wants a reading that begins after this moment. */
  request(): void {
    if (this.#closed || this.#requested) return
    this.#requested = true
    if (!this.#reading) this.#schedule()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#events.close()
  }

  #schedule(): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#run(), this.#delay())
  }

  #delay(): number {
    if (this.#awayDelay > 0) return this.#awayDelay
    if (!this.#requested) return this.#withEvents ? INTERVAL_MS.withEvents : INTERVAL_MS.withoutEvents
    if (this.#lastEnd === undefined) return 0
    const rest = Math.max(MIN_REST_MS, REST_RATIO * this.#lastDuration)
    return Math.max(0, rest - (performance.now() - this.#lastEnd))
  }

  async #run(): Promise<void> {
    this.#reading = true
    this.#requested = false
    try {
      this.#events.open()
      await this.#read()
      this.#awayDelay = 0
    } catch (error) {
      if (this.#closed) return
      if (this.#awayDelay === 0) {
        this.#options.log.warn(
          { error: errorMessage(error) },
          'The container runtime cannot be read; pods go on as they are',
        )
        this.#options.onAway(error)
      }
      this.#awayDelay = Math.min(Math.max(AWAY_MS.first, this.#awayDelay * 2), AWAY_MS.max)
    } finally {
      this.#reading = false
    }
    this.#schedule()
  }

  async #read(): Promise<void> {
    const { client, scope, clock, onSnapshot, observe } = this.#options
    const begun = performance.now()
    const snapshot = await takeSnapshot(client, scope, clock.tick(), this.#snapshot)
    if (this.#closed) return
    const end = performance.now()
    observe((end - begun) / 1_000, this.#lastEnd === undefined ? undefined : (end - this.#lastEnd) / 1_000)
    this.#lastDuration = end - begun
    this.#lastEnd = end
    this.#snapshot = snapshot
    this.#settleHints(snapshot, begun)
    onSnapshot(snapshot)
  }

  /** containerd announces an end before CRI shows it: until it does, read again. */
  #settleHints(snapshot: RuntimeSnapshot, begun: number): void {
    if (this.#ended.size === 0) return
    const alive = new Set<string>()
    for (const { sandboxes, containers } of snapshot.pods.values()) {
      for (const { id, ready } of sandboxes) if (ready) alive.add(id)
      for (const { id, state } of containers) if (state === 'running' || state === 'created') alive.add(id)
    }
    for (const [id, announced] of this.#ended) {
      const settled = announced < begun && !alive.has(id)
      if (settled || begun - announced > HINT_MS) this.#ended.delete(id)
    }
    if (this.#ended.size > 0) this.request()
  }
}
