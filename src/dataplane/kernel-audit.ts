import type { IpFamily } from '../util/address.ts'
import type { Logger } from '../util/logger.ts'
import type { Backend } from './backend.ts'
import type { AuditResult, SyncMetrics } from './metrics.ts'

/** How an audit went. */
export interface AuditRecord {
  /** When it ended, in ms since the epoch. */
  readonly at: number
  readonly result: AuditResult
}

/** One that was not clean, with the differences in words. */
export interface AuditFinding extends AuditRecord {
  readonly differences: readonly string[]
}

/** The loop of transactions that is audited, as far as an audit has to know of it. */
export interface AuditedLoop {
  /** There is a committed state to compare with: not before a rebuild that is due, and not behind the end. */
  isComparable(): boolean
  /** Transactions begun so far, and whether one is under way. */
  progress(): { readonly attempts: number; readonly isBusy: boolean }
  /** The transaction under way, if any, is over. */
  underWay(): Promise<void>
  /** Does what no transaction may come between. */
  aside<Value>(work: () => Promise<Value>): Promise<Value>
  /** The kernel is to be made anew as a whole. */
  mustRebuild(): void
  synced(): Promise<void>
}

export interface KernelAuditOptions {
  readonly family: IpFamily
  readonly backend: Backend
  readonly loop: AuditedLoop
  readonly metrics: SyncMetrics
  readonly log: Logger
}

/** How often an audit reads the kernel beside transactions before it holds them up. */
const LOOKS = 3

/** Compares the kernel with what a backend has committed, and has mended what differs. */
export class KernelAudit {
  readonly #options: KernelAuditOptions
  #last: AuditRecord | undefined
  #lastFinding: AuditFinding | undefined

  constructor(options: KernelAuditOptions) {
    this.#options = options
  }

  /** Undefined before the first. */
  get last(): AuditRecord | undefined {
    return this.#last
  }

  /** The last one that was not clean. */
  get lastFinding(): AuditFinding | undefined {
    return this.#lastFinding
  }

  /** Returns the differences, which are no more. Rejects when the kernel cannot be read or be mended. */
  async run(): Promise<readonly string[]> {
    const { loop } = this.#options
    try {
      const differences = (await this.#looksClean())
        ? []
        : await loop.aside(async () => (loop.isComparable() ? this.#compareAndMend() : undefined))
      if (differences === undefined) return []
      if (differences.length > 0) await loop.synced()
      this.#note(differences.length === 0 ? 'clean' : 'repaired', differences)
      return differences
    } catch (error) {
      this.#note('failed', [])
      throw error
    }
  }

  /**
   * Reads the kernel while transactions go on as they come: to read it whole takes long where there are many Services.
   * False when something differs, which a look without any beside it has to confirm, or when every look was overtaken.
   */
  async #looksClean(): Promise<boolean> {
    const { loop, backend } = this.#options
    for (let look = 0; look < LOOKS && loop.isComparable(); look++) {
      await loop.underWay()
      const before = loop.progress()
      const isOvertaken = (): boolean => before.isBusy || loop.progress().attempts !== before.attempts
      try {
        const differences = await backend.audit()
        if (!isOvertaken()) return differences.length === 0
      } catch (error) {
        if (!isOvertaken()) throw error
      }
    }
    return false
  }

  /** Undoes just what differs where the backend can, and leaves the rest to a rebuild. */
  async #compareAndMend(): Promise<readonly string[]> {
    const { backend, family, loop, log } = this.#options
    const differences = await backend.audit()
    if (differences.length === 0) return differences
    const isMended = (await backend.repair?.()) === true
    log.warn(
      { family, differences },
      `somebody else changed our rules: ${isMended ? 'undid just that' : 'making them anew'}`,
    )
    if (!isMended) loop.mustRebuild()
    return differences
  }

  #note(result: AuditResult, differences: readonly string[]): void {
    this.#options.metrics.audited(result)
    this.#last = { at: Date.now(), result }
    if (result !== 'clean') this.#lastFinding = { ...this.#last, differences }
  }
}
