import { setTimeout as sleep } from 'node:timers/promises'
import type { Contestant } from './contest.ts'

/** What is told of pods that run is told by then. */
const TOLD_MS = 3_000

/** One side of a contest: puts its contestant to work and writes down how long that took, in ms, and what was written. */
export class Side<Of extends Contestant = Contestant> {
  readonly contestant: Of
  readonly #single: number[] = []
  readonly #batch: number[] = []
  /** Pods that were started at once, and API writes until all of them ran, and until all were gone. */
  #pods = 0
  #writesToStart = 0
  #writesToEnd = 0

  constructor(contestant: Of) {
    this.contestant = contestant
  }

  get measured() {
    return {
      single: this.#single,
      batch: this.#batch,
      writesToStart: this.#writesToStart / this.#pods,
      writesToEnd: this.#writesToEnd / this.#pods,
    }
  }

  /** The first round only warms up. */
  async startOne(round: number): Promise<void> {
    const names = [`${this.contestant.name}-${round}`]
    const took = await this.contestant.start(names)
    await this.contestant.remove(names)
    if (round > 0) this.#single.push(took)
  }

  async startAtOnce(round: number, count: number): Promise<void> {
    const names = this.names(`at-once-${round}`, count)
    const before = await this.contestant.writes()
    this.#batch.push(await this.contestant.start(names))
    await sleep(TOLD_MS)
    this.#writesToStart += (await this.contestant.writes()) - before
    await this.contestant.remove(names)
    this.#writesToEnd += (await this.contestant.writes()) - before
    this.#pods += count
  }

  names(what: string, count: number): readonly string[] {
    return Array.from({ length: count }, (_, i) => `${this.contestant.name}-${what}-${i}`)
  }
}
