interface Sample {
  /** ms since the epoch. */
  readonly at: number
  readonly cpuSeconds: number
}

/** Closer together, two samples say nothing: the kernel counts in ticks on some machines. In ms. */
const MIN_APART_MS = 1_000

/** How fast CPU time was used, from one look to the next. */
export class CpuRates {
  #before = new Map<string, Sample>()
  #now = new Map<string, Sample>()

  /** Cores in use since an earlier look, of whatever goes by that name; undefined at the first one. */
  cores(name: string, sample: Sample): number | undefined {
    const before = this.#before.get(name)
    const isApart = before === undefined || sample.at - before.at >= MIN_APART_MS
    this.#now.set(name, isApart ? sample : before)
    if (before === undefined || !isApart) return undefined
    return Math.max(0, (sample.cpuSeconds - before.cpuSeconds) / ((sample.at - before.at) / 1_000))
  }

  /** A look is over: what it did not see is forgotten. */
  next(): void {
    this.#before = this.#now
    this.#now = new Map()
  }
}
