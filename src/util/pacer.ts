import { setImmediate } from 'node:timers/promises'

/**
 * Lets long work share the event loop: ask `due` after each small piece, and `await pause()` when it says so. Work
 * that fits the budget never yields.
 */
export class Pacer {
  readonly #budgetMs: number
  #end: number

  /** At 5 ms a slice, two slices and what else happens in a turn stay well under 20 ms. */
  constructor(budgetMs = 5) {
    this.#budgetMs = budgetMs
    this.#end = performance.now() + budgetMs
  }

  due(): boolean {
    return performance.now() >= this.#end
  }

  async pause(): Promise<void> {
    await setImmediate()
    this.#end = performance.now() + this.#budgetMs
  }
}
