/** Hands out the smallest numbers not in use. Those given back stay apart until `release`. */
export class RowPool {
  readonly #free: number[] = []
  #freed: number[] = []
  #next = 0

  take(): number {
    return this.#free.pop() ?? this.#next++
  }

  give(row: number): void {
    this.#freed.push(row)
  }

  /** From here on the rows given back so far are handed out again: their counters are zero by now. */
  release(): void {
    this.#free.push(...this.#freed)
    this.#freed = []
  }

  /** One more than the largest row ever handed out. */
  get size(): number {
    return this.#next
  }
}
