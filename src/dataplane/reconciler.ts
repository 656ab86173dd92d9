import type { IpFamily } from '../util/address.ts'
import { type Backoff, backoffDelay } from '../util/backoff.ts'
import type { Logger } from '../util/logger.ts'
import type { Backend, CommitOutcome, FrontendChanges } from './backend.ts'
import type { Frontend, FrontendChange, FrontendKey } from './desired/frontend.ts'
import { closedError, commitFailed } from './errors.ts'
import { type AuditedLoop, KernelAudit } from './kernel-audit.ts'
import type { SyncMetrics } from './metrics.ts'
import { RefusedFrontends } from './refused-frontends.ts'
import type { ReconcilerStatus } from './status.ts'
import { SyncWaiters } from './sync-waiters.ts'

export interface ReconcilerOptions {
  readonly family: IpFamily
  readonly backend: Backend
  /** Least time between the starts of two transactions, in ms; what comes in between waits together. */
  readonly minSyncPeriodMs: number
  readonly metrics: SyncMetrics
  readonly log: Logger
}

const COMMIT_BACKOFF: Backoff = { firstMs: 100, maxMs: 30_000 }

/**
 * Keeps the kernel at what is desired for one address family. An idle reconciler commits a change at once; what
 * comes while a transaction is under way goes into the next one. A failure is first met by leaving the refused
 * frontends out or by rebuilding, then by back-off; it never reaches the source of the change.
 */
export class Reconciler {
  readonly #family: IpFamily
  readonly #backend: Backend
  readonly #minSyncPeriodMs: number
  readonly #metrics: SyncMetrics
  readonly #log: Logger
  readonly #desired = new Map<FrontendKey, Frontend>()
  readonly #refused = new RefusedFrontends()
  readonly #waiters = new SyncWaiters()
  readonly #audit: KernelAudit
  #pending = new Set<FrontendKey>()
  /** What the transaction under way is about. */
  #committing: ReadonlySet<FrontendKey> = new Set()
  /** The kernel may hold anything: at the start, and after failures of unclear cause. */
  #mustRebuild = true
  /** Nothing is sent before the first desired state is known, so that a predecessor's rules serve until then. */
  #begun = false
  #failures = 0
  /** Transactions begun so far. */
  #attempts = 0
  #notBefore = 0
  /** Who wants to do something aside: nothing new is begun until they have. */
  #waiting = 0
  #lastSync: number | undefined
  #pendingSince: number | undefined
  #lastError: Error | undefined
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #stopped = false

  constructor(options: ReconcilerOptions) {
    const { family, backend, metrics, log } = options
    this.#family = family
    this.#backend = backend
    this.#minSyncPeriodMs = options.minSyncPeriodMs
    this.#metrics = metrics
    this.#log = log
    this.#audit = new KernelAudit({ family, backend, metrics, log, loop: this.#audited() })
  }

  /**
   * Takes in changes that belong together. The first call, even an empty one, starts the work. `inForce` is called when
   * the kernel has them all, but for what it refuses.
   */
  change(changes: readonly FrontendChange[], inForce?: () => void): void {
    // A rebuild that is yet to begin takes everything desired, whether it is known to be pending or not.
    const rebuildComes = this.#mustRebuild && this.#running === undefined
    for (const { key, frontend } of changes) {
      if (frontend === undefined) this.#desired.delete(key)
      else this.#desired.set(key, frontend)
      if (!rebuildComes) this.#pending.add(key)
      this.#refused.retryNow(key)
    }
    this.#waiters.advance()
    if (inForce !== undefined) this.#waiters.whenInForce(inForce)
    this.#pendingSince ??= Date.now()
    this.#begun = true
    this.#metrics.queued()
    this.#wake()
  }

  /**
   * Settles when every change taken in so far is in force, or rejects with a DataplaneError as soon as that is known
   * to need back-off; the reconciler goes on trying all the same.
   */
  synced(): Promise<void> {
    if (this.#stopped) return Promise.reject(closedError())
    const waiting = this.#waiters.wait()
    if (this.#running === undefined && this.#begun) this.#answer()
    return waiting
  }

  /** Tells those who wait what is known while nothing is under way: some came behind the last transaction's answer. */
  #answer(): void {
    if (!this.#hasWork()) this.#settle(this.#waiters.latest)
    else if (this.#failures > 0 && this.#lastError !== undefined)
      this.#waiters.reject(this.#waiters.latest, this.#lastError)
  }

  /** Compares the kernel with committed state and, where it differs, makes it anew. Returns the differences. */
  audit(): Promise<readonly string[]> {
    return this.#audit.run()
  }

  #audited(): AuditedLoop {
    return {
      isComparable: () => !this.#mustRebuild && !this.#stopped,
      progress: () => ({ attempts: this.#attempts, isBusy: this.#running !== undefined }),
      underWay: async () => this.#running,
      aside: (work) => this.aside(work),
      mustRebuild: () => {
        this.#mustRebuild = true
        this.#pendingSince ??= Date.now()
      },
      synced: () => this.synced(),
    }
  }

  /** Does what no transaction may come between: those of changes that arrive meanwhile wait for its end. */
  async aside<Value>(work: () => Promise<Value>): Promise<Value> {
    this.#waiting++
    try {
      await this.#idle()
      const working = work()
      const end = (): void => {
        this.#running = undefined
      }
      this.#running = working.then(end, end)
      return await working
    } finally {
      this.#waiting--
      await this.#running
      if (this.#running === undefined && this.#begun) this.#answer()
      this.#wake()
    }
  }

  isInForce(key: FrontendKey): boolean {
    return (
      !this.#mustRebuild && !this.#pending.has(key) && !this.#committing.has(key) && !this.#refused.has(key)
    )
  }

  status(): ReconcilerStatus {
    return {
      family: this.#family,
      objects: this.#backend.objects(),
      lastSync: this.#lastSync,
      pendingSince: this.#pendingSince,
      lastError: this.#lastError,
      refused: this.#refused.errors(),
      lastAudit: this.#audit.last,
      lastFinding: this.#audit.lastFinding,
    }
  }

  /** Ends the work after the transaction under way; the kernel keeps what it has. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#running
    this.#waiters.rejectAll(closedError())
  }

  async #idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Starts a run now or when it is due; a run under way looks for more work by itself. */
  #wake(): void {
    if (this.#stopped || !this.#begun || this.#running !== undefined || this.#waiting > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    const now = performance.now()
    const due = this.#hasWork() ? this.#notBefore : Math.max(this.#notBefore, this.#refused.nextRetry())
    if (due === Number.POSITIVE_INFINITY) return
    if (due > now) {
      this.#timer = setTimeout(() => this.#wake(), due - now)
      return
    }
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      this.#answer()
      this.#wake()
    })
  }

  #hasWork(): boolean {
    return this.#mustRebuild || this.#pending.size > 0
  }

  async #run(): Promise<void> {
    do {
      await this.#syncOnce()
    } while (!this.#stopped && this.#waiting === 0 && this.#hasWork() && performance.now() >= this.#notBefore)
  }

  async #syncOnce(): Promise<void> {
    const upTo = this.#waiters.latest
    const taken = this.#pending
    this.#pending = new Set()
    for (const key of this.#refused.takeDue(performance.now())) taken.add(key)
    this.#committing = taken
    const full = this.#mustRebuild
    this.#attempts++
    const start = performance.now()
    const outcome = await this.#attempt(full, taken)
    this.#committing = new Set()
    this.#notBefore = start + this.#minSyncPeriodMs
    this.#metrics.attempted(full, (performance.now() - start) / 1000, outcome.kind)
    if (outcome.kind === 'committed') this.#committed(taken, upTo)
    else this.#failed(outcome, full, taken, upTo)
  }

  /** A throw is a bug or a lost socket: it must not end the loop, nor pass for a success. */
  async #attempt(full: boolean, taken: ReadonlySet<FrontendKey>): Promise<CommitOutcome> {
    try {
      if (full) return await this.#backend.rebuild(this.#acceptable(taken))
      return await this.#backend.update(this.#changesOf(taken))
    } catch (error) {
      return { kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) }
    }
  }

  #acceptable(taken: ReadonlySet<FrontendKey>): Frontend[] {
    const all = [...this.#desired.values()]
    return this.#refused.size === 0 ? all : all.filter(({ key }) => taken.has(key) || !this.#refused.has(key))
  }

  #changesOf(taken: ReadonlySet<FrontendKey>): FrontendChanges {
    const changes = new Map<FrontendKey, Frontend | undefined>()
    for (const key of taken) changes.set(key, this.#desired.get(key))
    return changes
  }

  #committed(taken: ReadonlySet<FrontendKey>, upTo: number): void {
    this.#mustRebuild = false
    this.#failures = 0
    this.#lastSync = Date.now()
    for (const key of taken) this.#refused.accept(key)
    this.#metrics.synced(this.#refused.size)
    this.#settle(upTo)
  }

  /** Work up to `upTo` is in force, but for what the kernel refuses. */
  #settle(upTo: number): void {
    const refusal = this.#refused.summary()
    this.#lastError = refusal
    this.#pendingSince = this.#hasWork() ? Date.now() : undefined
    this.#waiters.inForce(upTo)
    if (refusal === undefined) this.#waiters.resolve(upTo)
    else this.#waiters.reject(upTo, refusal)
  }

  #failed(
    outcome: Exclude<CommitOutcome, { kind: 'committed' }>,
    full: boolean,
    taken: ReadonlySet<FrontendKey>,
    upTo: number,
  ): void {
    const { error } = outcome
    for (const key of taken) this.#pending.add(key)
    if (outcome.kind === 'refused' && this.#leaveOut(outcome, taken)) {
      if (!this.#hasWork()) this.#settle(upTo)
      return
    }
    if (!full) {
      this.#log.warn(
        { family: this.#family, error: error.message },
        'transaction failed: making the table anew',
      )
      this.#mustRebuild = true
      return
    }
    this.#failures++
    const delay = backoffDelay(COMMIT_BACKOFF, this.#failures)
    this.#notBefore = performance.now() + delay
    this.#lastError = commitFailed(this.#family, error, delay)
    this.#log.error({ family: this.#family, error: error.message, retryInMs: delay }, 'sync failed')
    this.#waiters.reject(upTo, this.#lastError)
  }

  /**
   * Goes on without the frontends that were refused. False when all of them were left out already, so that the next
   * attempt would be no other than this one.
   */
  #leaveOut(
    { frontends, error }: CommitOutcome & { kind: 'refused' },
    taken: ReadonlySet<FrontendKey>,
  ): boolean {
    const leaving = [...frontends].filter((key) => taken.has(key) || !this.#refused.has(key))
    for (const key of leaving) {
      this.#pending.delete(key)
      this.#refused.refuse(key, error, performance.now())
    }
    if (leaving.length === 0) return false
    this.#log.error(
      { family: this.#family, frontends: leaving, error: error.message },
      'the kernel refused frontends: going on without them',
    )
    return true
  }
}
