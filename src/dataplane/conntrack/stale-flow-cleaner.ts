import { setTimeout } from 'node:timers/promises'
import { type ConntrackSocket, StaleFlows, type StaleFrontend } from '../../native/conntrack.ts'
import type { Cidr, IpAddress, IpFamily } from '../../util/address.ts'
import { type Backoff, backoffDelay } from '../../util/backoff.ts'
import type { Logger } from '../../util/logger.ts'
import { Pacer } from '../../util/pacer.ts'
import type { Frontend, FrontendChange } from '../desired/frontend.ts'
import type { CleanerMetrics } from './metrics.ts'
import { staleAfterChange, staleAtStart } from './stale-frontend.ts'

export interface StaleFlowCleanerOptions {
  readonly socket: ConntrackSocket
  /** Settles when every change handed over so far is in force; see ServiceProxy.synced. */
  readonly synced: () => Promise<void>
  /** Translated flows into these that no frontend has are stale at the start. */
  readonly serviceCidrs: readonly Cidr[]
  readonly nodeAddresses: readonly IpAddress[]
  /** TCP connections to endpoints that are gone are deleted too, so that they are reset. */
  readonly resetsTcp: boolean
  /** What conntrack does not translate passes a Service by; where IPVS translates, that is its own business. */
  readonly translates: boolean
  /**
   * Flows that processes have deleted so far, ours among them, as events tell; undefined where there are no events. The
   * kernel does not say how many it deletes by a filter.
   */
  readonly requestedDeletions: () => number | undefined
  readonly metrics: CleanerMetrics
  readonly log: Logger
}

/**
 * Counts of deletions arrive up to 50 ms after: looked for so often, at most so many times, and until so many looks in a
 * row have found no more. The next pass waits for that.
 */
const EVENT_DELAY_MS = 10
const EVENT_LOOKS = 40
const QUIET_LOOKS = 10

const RETRY: Backoff = { firstMs: 1000, maxMs: 60_000 }

/**
 * Deletes the flows that changes have made stale, behind the rules: only when these are in force, since a packet in
 * between would make the flow anew. The first pass compares the kernel's flows with everything that is desired, for the
 * sake of what an earlier process left; later ones look at what changed.
 */
export class StaleFlowCleaner {
  readonly #options: StaleFlowCleanerOptions
  readonly #current = new Map<string, Frontend>()
  /** Each frontend changed since the last pass, as it was then. */
  #before = new Map<string, Frontend | undefined>()
  #started = false
  #failures = 0
  /** What was said of the last failure. */
  #complaint: string | undefined
  #deleted = 0
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #closed = false
  readonly #closing = deferred()

  constructor(options: StaleFlowCleanerOptions) {
    this.#options = options
  }

  /** Takes note of changes; deletes in the background. */
  change(changes: readonly FrontendChange[]): void {
    for (const { key, family, frontend } of changes) {
      const id = `${family}/${key}`
      if (!this.#before.has(id)) this.#before.set(id, this.#current.get(id))
      if (frontend === undefined) this.#current.delete(id)
      else this.#current.set(id, frontend)
    }
    this.#wake()
  }

  /** Flows deleted since the start. */
  get deleted(): number {
    return this.#deleted
  }

  /** Settles when nothing waits to be looked at, or the last attempt has failed. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Ends after the deletion under way; what is not in force yet is not waited for. */
  async close(): Promise<void> {
    this.#closed = true
    this.#closing.resolve()
    clearTimeout(this.#timer)
    await this.#running
  }

  #wake(): void {
    if (this.#closed || this.#running !== undefined || this.#timer !== undefined) return
    this.#running = this.#run().finally(() => {
      this.#running = undefined
    })
  }

  async #run(): Promise<void> {
    // The caller's own turn comes first: what it waits for is not in the way of what it still has to hand over.
    await undefined
    while (this.#before.size > 0 || !this.#started) {
      try {
        await Promise.race([this.#options.synced(), this.#closing.promise])
        if (this.#closed) return
        await this.#pass()
        this.#failures = 0
        this.#complaint = undefined
      } catch (error) {
        this.#retryLater(error)
        return
      }
    }
  }

  async #pass(): Promise<void> {
    const before = this.#before
    this.#before = new Map()
    try {
      const stale = this.#started ? await this.#changed(before) : await this.#everything()
      for (const [family, flows] of stale) {
        const { seconds, deleted } = await this.#delete(flows)
        this.#deleted += deleted
        this.#options.metrics.cleaned(family, seconds, deleted)
        if (deleted > 0) this.#options.log.info({ family, deleted }, 'deleted stale connections')
      }
      this.#started = true
    } catch (error) {
      for (const [id, frontend] of before) this.#before.set(id, frontend)
      throw error
    }
  }

  /** Resolves to how many that were, and how long it took without the wait for their number. */
  async #delete(stale: StaleFlows): Promise<{ readonly seconds: number; readonly deleted: number }> {
    const { socket, requestedDeletions } = this.#options
    const began = performance.now()
    const elapsed = (): number => (performance.now() - began) / 1000
    const filters = stale.filters()
    if (filters === undefined) {
      const deleted = await socket.deleteStale(stale)
      return { seconds: elapsed(), deleted }
    }
    let counted = 0
    let uncounted = false
    const before = requestedDeletions() ?? 0
    for (const filter of filters) {
      const deleted = await socket.deleteFiltered(filter)
      counted += deleted ?? 0
      uncounted ||= deleted === undefined
    }
    const seconds = elapsed()
    if (!uncounted) return { seconds, deleted: counted }
    return { seconds, deleted: Math.max(counted, (await this.#settledDeletions(before)) - before) }
  }

  /** The deletions that events tell of, when they stop growing from `before`. */
  async #settledDeletions(before: number): Promise<number> {
    let last = before
    let quiet = 0
    for (let look = 0; look < EVENT_LOOKS && quiet < QUIET_LOOKS; look++) {
      await setTimeout(EVENT_DELAY_MS)
      const now = this.#options.requestedDeletions()
      if (now === undefined) break
      quiet = now === last ? quiet + 1 : 0
      last = now
    }
    return last
  }

  async #changed(before: ReadonlyMap<string, Frontend | undefined>): Promise<StaleByFamily> {
    const pacer = new Pacer()
    const stale: StaleByFamily = new Map()
    for (const [id, frontend] of before) {
      for (const item of staleAfterChange(frontend, this.#current.get(id), this.#options))
        this.#add(item, stale)
      if (pacer.due()) await pacer.pause()
    }
    return stale
  }

  async #everything(): Promise<StaleByFamily> {
    const pacer = new Pacer()
    const stale: StaleByFamily = new Map()
    for (const range of this.#options.serviceCidrs) staleOf(stale, range.family).addRange(range)
    for (const frontend of this.#current.values()) {
      for (const item of staleAtStart(frontend, this.#options)) this.#add(item, stale)
      if (pacer.due()) await pacer.pause()
    }
    return stale
  }

  #add(item: StaleFrontend, stale: StaleByFamily): void {
    const untranslated = item.untranslated && this.#options.translates
    if (untranslated || item.translated !== 'none') staleOf(stale, item.family).add({ ...item, untranslated })
  }

  #retryLater(error: unknown): void {
    if (this.#closed) return
    const delay = backoffDelay(RETRY, ++this.#failures)
    const message = error instanceof Error ? error.message : String(error)
    // What does not get better by itself, such as a permission that is missing, is said once.
    if (message !== this.#complaint)
      this.#options.log.warn({ error: message, retryInMs: delay }, 'stale connections are not deleted yet')
    this.#complaint = message
    this.#options.metrics.failed()
    this.#timer = globalThis.setTimeout(() => {
      this.#timer = undefined
      this.#wake()
    }, delay)
    this.#timer.unref()
  }
}

/** None is empty. */
type StaleByFamily = Map<IpFamily, StaleFlows>

function staleOf(stale: StaleByFamily, family: IpFamily): StaleFlows {
  const known = stale.get(family) ?? new StaleFlows()
  stale.set(family, known)
  return known
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
