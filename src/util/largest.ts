/**
 * Keeps the `limit` items with the largest numbers of all that are offered, in memory that does not grow with those:
 * what one is made of is asked for only when it is among them so far.
 */
export class Largest<Item> {
  readonly #limit: number
  #kept: { readonly item: Item; readonly by: number }[] = []
  /** What a number has to exceed, once there are enough. */
  #threshold = Number.NEGATIVE_INFINITY

  constructor(limit: number) {
    this.#limit = limit
  }

  offer(by: number, make: () => Item): void {
    if (this.#limit === 0 || by <= this.#threshold) return
    this.#kept.push({ item: make(), by })
    // Sorting when there are twice as many costs each offer a logarithm, as a heap would.
    if (this.#kept.length >= 2 * this.#limit) this.#cut()
  }

  /** Largest first; of equal ones in the order in which they were offered. */
  items(): Item[] {
    this.#cut()
    return this.#kept.map(({ item }) => item)
  }

  #cut(): void {
    this.#kept.sort((a, b) => b.by - a.by)
    this.#kept = this.#kept.slice(0, this.#limit)
    const last = this.#kept[this.#limit - 1]
    if (last !== undefined) this.#threshold = last.by
  }
}
