/** How many times each key is used, and a change of that which has not happened yet. */
export class RefCounts<Key> {
  #counts = new Map<Key, number>()

  get size(): number {
    return this.#counts.size
  }

  get(key: Key): number {
    return this.#counts.get(key) ?? 0
  }

  /** Keys in use. */
  keys(): IterableIterator<Key> {
    return this.#counts.keys()
  }

  /** Makes the change; it must not be used again. */
  adopt(change: RefCountChange<Key>): void {
    const deltas = change.take()
    if (this.#counts.size === 0) {
      this.#counts = deltas
      return
    }
    for (const [key, delta] of deltas) {
      const count = this.get(key) + delta
      if (count === 0) this.#counts.delete(key)
      else this.#counts.set(key, count)
    }
  }
}

/** Uses to be gained and lost, against counts that stay as they are until the change is adopted. */
export class RefCountChange<Key> {
  readonly #before: RefCounts<Key>
  #deltas = new Map<Key, number>()

  constructor(before: RefCounts<Key>) {
    this.#before = before
  }

  /** Whether uses of this key change. */
  touches(key: Key): boolean {
    return this.#deltas.has(key)
  }

  /** Keys whose uses change. */
  keys(): readonly Key[] {
    return [...this.#deltas.keys()]
  }

  /** The changes by key, handed over: nothing of them is left here. */
  take(): Map<Key, number> {
    const deltas = this.#deltas
    this.#deltas = new Map()
    return deltas
  }

  gain(key: Key): void {
    this.#add(key, 1)
  }

  lose(key: Key): void {
    this.#add(key, -1)
  }

  /** The keys that come into use and those that go out of it. */
  *turns(): Generator<readonly [Key, 'appeared' | 'gone']> {
    for (const [key, delta] of this.#deltas) {
      const before = this.#before.get(key)
      if (before === 0 && delta > 0) yield [key, 'appeared']
      else if (before > 0 && before + delta === 0) yield [key, 'gone']
    }
  }

  #add(key: Key, by: number): void {
    const delta = (this.#deltas.get(key) ?? 0) + by
    if (delta === 0) this.#deltas.delete(key)
    else this.#deltas.set(key, delta)
  }
}
