import { setImmediate } from 'node:timers/promises'

/** Pieces of work take microseconds, and a look at the clock is no cheaper than many of them. */
const PIECES_PER_LOOK = 8

/**
 * Lets long work share the event loop: ask `due` after each small piece, and `await pause()` when it says so. Work
 * that fits the budget never yields.
 */
export class Pacer {
  readonly #budgetMs: number
  #end: number
  #pieces = 0

  /** At 5 ms a slice, two slices and what else happens in a turn stay well under 20 ms. */
  constructor(budgetMs = 5) {
    this.#budgetMs = budgetMs
    this.#end = performance.now() + budgetMs
  }

  due(): boolean {
    if (++this.#pieces % PIECES_PER_LOOK !== 0) return false
    return performance.now() >= this.#end
  }

  async pause(): Promise<void> {
    await setImmediate()
    this.#end = performance.now() + this.#budgetMs
  }
}
