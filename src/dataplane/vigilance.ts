import { NftMonitor, type WatchedTable } from '../native/nft-monitor.ts'
import { errorMessage } from '../util/error-message.ts'
import type { Logger } from '../util/logger.ts'
import { Auditor } from './auditor.ts'
import type { NetlinkMetrics } from './netlink-metrics.ts'
import { type Watch, watchTables } from './watch.ts'

export interface VigilanceOptions {
  /** The tables that are ours, or partly so. */
  readonly tables: readonly WatchedTable[]
  readonly netns: string | undefined
  /** What backends watch beside tables. */
  readonly watches: readonly Watch[]
  readonly audit: () => Promise<readonly string[]>
  /** From the end of one audit to the beginning of the next. */
  readonly intervalMs: number
  readonly metrics: NetlinkMetrics
  readonly log: Logger
}

/** Has the kernel audited at intervals and whenever somebody else writes into what is ours, from `ready` on. */
export class Vigilance {
  readonly #options: VigilanceOptions
  readonly #beginning: Promise<void>
  #monitor: NftMonitor | undefined
  #auditor: Auditor | undefined
  #closed = false

  /**
   * `ready` is the end of the first transaction: before it nothing in the kernel is expected of us, and the kernel would
   * copy every element of it for the monitor.
   */
  constructor(options: VigilanceOptions, ready: Promise<void>) {
    this.#options = options
    this.#beginning = ready.then(
      () => this.#begin(),
      () => this.#begin(),
    )
  }

  /** Ends the listening at once; the audit under way may need a reconciler that stops, so `whenOver` comes behind it. */
  async close(): Promise<{ readonly whenOver: Promise<void> }> {
    this.#closed = true
    await this.#monitor?.close()
    const auditing = this.#auditor?.close()
    return { whenOver: Promise.all([this.#beginning, auditing]).then(() => undefined) }
  }

  async #begin(): Promise<void> {
    const { metrics, watches, audit, intervalMs, log } = this.#options
    const monitor = await this.#openMonitor()
    if (this.#closed) {
      await monitor?.close()
      return
    }
    this.#monitor = monitor
    if (monitor !== undefined) metrics.add('nft-monitor', () => monitor.stats())
    const all = [...(monitor === undefined ? [] : [watchTables(monitor)]), ...watches]
    this.#auditor = new Auditor({ audit, intervalMs, watches: all, log })
  }

  async #openMonitor(): Promise<NftMonitor | undefined> {
    const { tables, netns, log } = this.#options
    if (this.#closed || tables.length === 0) return undefined
    try {
      return await NftMonitor.open({ tables, ...(netns === undefined ? {} : { netns }) })
    } catch (error) {
      log.error(
        { error: errorMessage(error) },
        'cannot listen to nf_tables: what others change is found by audits at intervals only',
      )
      return undefined
    }
  }
}
