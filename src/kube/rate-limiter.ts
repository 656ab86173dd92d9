import { setTimeout as sleep } from 'node:timers/promises'

/** A token bucket as client-go's `flowcontrol` has it: `burst` requests at once, `qps` a second after that. */
export class RateLimiter {
  readonly #qps: number
  readonly #burst: number
  #tokens: number
  #at: number

  /** `qps` of 0 or less: no limit. */
  constructor(qps: number, burst: number, now = performance.now()) {
    this.#qps = qps
    this.#burst = Math.max(1, burst)
    this.#tokens = this.#burst
    this.#at = now
  }

  /** How many ms a request that comes `now` has to wait; the turn is taken. */
  reserve(now = performance.now()): number {
    if (this.#qps <= 0) return 0
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#qps) - 1
    this.#at = now
    // Below zero: turns are given in advance, in the order in which they were asked for.
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#qps) * 1000
  }

  async turn(signal?: AbortSignal): Promise<void> {
    const wait = this.reserve()
    if (wait > 0) await sleep(wait, undefined, signal === undefined ? {} : { signal })
  }
}
