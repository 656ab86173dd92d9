import { type Backoff, backoffDelay } from '../../util/backoff.ts'

/** Dumps take at most a twentieth of the time, however fast events are lost. */
const SHARE = 20
const LEAST_WAIT_MS = 1000
/** Without any loss: entries that the kernel never told of (made before events were on) are found gone by then. */
const AUDIT_MS = 10 * 60_000
const FAILURE: Backoff = { firstMs: 1000, maxMs: 60_000 }

/** When to recompute the active flows from a dump: at the start, after a loss, and now and then. Times are in ms. */
export class ResyncPolicy {
  #droppedThen = 0
  #notBefore = 0
  #auditAt = 0
  #failures = 0

  /** `dropped` is the total of events lost so far. */
  due(now: number, dropped: number): boolean {
    if (now < this.#notBefore) return false
    return dropped > this.#droppedThen || now >= this.#auditAt
  }

  /** A resync that began when `dropped` events were lost has succeeded. */
  succeeded(now: number, tookMs: number, dropped: number): void {
    this.#failures = 0
    this.#droppedThen = dropped
    this.#notBefore = now + Math.max(LEAST_WAIT_MS, tookMs * SHARE)
    this.#auditAt = now + AUDIT_MS
  }

  failed(now: number, tookMs: number): void {
    this.#notBefore = now + Math.max(backoffDelay(FAILURE, ++this.#failures), tookMs * SHARE)
  }
}
