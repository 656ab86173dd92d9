import { errorMessage } from '../util/error-message.ts'
import type { Logger } from '../util/logger.ts'
import type { Watch } from './watch.ts'

export interface AuditorOptions {
  /** Looks at the kernel and repairs it; resolves with the differences found, in words. */
  readonly audit: () => Promise<readonly string[]>
  /** From the end of one audit to the beginning of the next. */
  readonly intervalMs: number
  /** Say when to look before the time. */
  readonly watches: readonly Watch[]
  readonly log: Logger
}

/** Somebody who goes on writing into our tables gets this much of our time, and is undone as often. */
const LEAST_DISTANCE_MS = 500

/**
 * Audits are at most a fifth of the time: other programs write all day long into tables that iptables mode shares with
 * them, and changes of Services wait while an audit reads large ones.
 */
const DISTANCE_BY_DURATION = 4

/** After an audit that failed, such as one of rules that changed all the while. */
const FAILED_DISTANCE_MS = 5000

/** Has the kernel audited at intervals, and at once when somebody else changed our tables. */
export class Auditor {
  readonly #options: AuditorOptions
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  /** When to look again, at the latest, in ms from the end of the audit under way. */
  #nextMs: number
  #lastEnd = Number.NEGATIVE_INFINITY
  /** From the end of the last audit to the next one that somebody else's change may cause. */
  #distanceMs = LEAST_DISTANCE_MS
  /** Somebody changed something during the audit under way. */
  #isTold = false
  #closed = false

  constructor(options: AuditorOptions) {
    this.#options = options
    this.#nextMs = options.intervalMs
    for (const watch of options.watches) void this.#listen(watch)
    this.#schedule(0)
  }

  /** Ends the work; resolves when no audit is under way any more. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#running
  }

  async #listen(watch: Watch): Promise<void> {
    const { log } = this.#options
    try {
      for (let told = await watch.next(); told !== undefined; told = await watch.next()) {
        log.info({ what: watch.what, told }, 'somebody else changed what is ours: auditing it')
        if (this.#running === undefined)
          this.#schedule(Math.max(0, this.#lastEnd + this.#distanceMs - performance.now()))
        else this.#isTold = true
      }
    } catch (error) {
      log.error(
        { what: watch.what, error: errorMessage(error) },
        'no more news of what others change: auditing at intervals only',
      )
    }
  }

  #schedule(delayMs: number): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      const start = performance.now()
      this.#running = this.#audit().finally(() => {
        this.#running = undefined
        this.#lastEnd = performance.now()
        this.#distanceMs = Math.max(LEAST_DISTANCE_MS, DISTANCE_BY_DURATION * (this.#lastEnd - start))
        this.#schedule(this.#isTold ? Math.min(this.#nextMs, this.#distanceMs) : this.#nextMs)
        this.#nextMs = this.#options.intervalMs
        this.#isTold = false
      })
    }, delayMs)
  }

  async #audit(): Promise<void> {
    try {
      await this.#options.audit()
    } catch (error) {
      if (this.#closed) return
      this.#nextMs = Math.min(this.#nextMs, FAILED_DISTANCE_MS)
      this.#options.log.warn({ error: errorMessage(error) }, 'audit failed')
    }
  }
}
