import { type Backoff, backoffDelay } from '../util/backoff.ts'
import type { FrontendKey } from './desired/frontend.ts'
import { DataplaneError } from './errors.ts'

interface Refusal {
  readonly error: Error
  readonly failures: number
  /** `performance.now()` at which to try again. */
  readonly due: number
}

const RETRY: Backoff = { firstMs: 1000, maxMs: 300_000 }

/** Frontends that the kernel refused, each with its own back-off, so that one bad object holds up no other. */
export class RefusedFrontends {
  readonly #refusals = new Map<FrontendKey, Refusal>()

  get size(): number {
    return this.#refusals.size
  }

  has(key: FrontendKey): boolean {
    return this.#refusals.has(key)
  }

  refuse(key: FrontendKey, error: Error, now: number): void {
    const failures = (this.#refusals.get(key)?.failures ?? 0) + 1
    this.#refusals.set(key, { error, failures, due: now + backoffDelay(RETRY, failures) })
  }

  /** The frontend is in force, or no longer wanted. */
  accept(key: FrontendKey): void {
    this.#refusals.delete(key)
  }

  /** The frontend has changed: its turn comes with the next transaction. Unknown keys are ignored. */
  retryNow(key: FrontendKey): void {
    const refusal = this.#refusals.get(key)
    if (refusal !== undefined) this.#refusals.set(key, { ...refusal, due: 0 })
  }

  /** `performance.now()` of the soonest retry; infinity when there is none. */
  nextRetry(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { due } of this.#refusals.values()) next = Math.min(next, due)
    return next
  }

  /** Frontends to try again now. They stay refused until accepted. */
  takeDue(now: number): FrontendKey[] {
    return [...this.#refusals].filter(([, { due }]) => due <= now).map(([key]) => key)
  }

  errors(): ReadonlyMap<FrontendKey, Error> {
    return new Map([...this.#refusals].map(([key, { error }]) => [key, error]))
  }

  /** One error for all of them; undefined when there is none. */
  summary(): DataplaneError | undefined {
    const [first] = this.#refusals
    if (first === undefined) return undefined
    const [key, { error }] = first
    const others = this.#refusals.size === 1 ? '' : ` and ${this.#refusals.size - 1} more`
    return new DataplaneError(
      'FRONTENDS_REFUSED',
      `the kernel refuses frontend ${key}${others}: ${error.message}`,
      'change or remove the Service; it is tried again meanwhile',
      error,
    )
  }
}
