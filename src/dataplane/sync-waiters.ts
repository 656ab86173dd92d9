interface Waiter {
  readonly upTo: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Those who wait until what was asked before they came is done. Work is numbered in the order it is asked for. */
export class SyncWaiters {
  #latest = 0
  #waiters: Waiter[] = []
  /** In the order of their numbers. */
  #calls: { readonly upTo: number; readonly call: () => void }[] = []

  /** The number of the last work asked for. */
  get latest(): number {
    return this.#latest
  }

  /** More work has been asked for. */
  advance(): void {
    this.#latest++
  }

  wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ upTo: this.#latest, resolve, reject })
    })
  }

  /** Has `call` called once when what was asked so far is in force; failures on the way do not matter to it. */
  whenInForce(call: () => void): void {
    this.#calls.push({ upTo: this.#latest, call })
  }

  /** All work up to and including number `upTo` is in force, but for what the kernel refuses. */
  inForce(upTo: number): void {
    while ((this.#calls[0]?.upTo ?? Number.POSITIVE_INFINITY) <= upTo) this.#calls.shift()?.call()
  }

  /** All work up to and including number `upTo` is done. */
  resolve(upTo: number): void {
    for (const waiter of this.#take(upTo)) waiter.resolve()
  }

  /** Work up to and including number `upTo` has failed. */
  reject(upTo: number, error: Error): void {
    for (const waiter of this.#take(upTo)) waiter.reject(error)
  }

  rejectAll(error: Error): void {
    this.reject(this.#latest, error)
  }

  #take(upTo: number): Waiter[] {
    const taken = this.#waiters.filter((waiter) => waiter.upTo <= upTo)
    if (taken.length > 0) this.#waiters = this.#waiters.filter((waiter) => waiter.upTo > upTo)
    return taken
  }
}
