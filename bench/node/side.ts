import type { Contestant } from './contest.ts'

/** One side of a contest: puts its contestant to work and writes down how long it took, in ms. */
export class Side<Of extends Contestant = Contestant> {
  readonly contestant: Of
  readonly single: number[] = []
  readonly batch: number[] = []

  constructor(contestant: Of) {
    this.contestant = contestant
  }

  /** The first round only warms up. */
  async startOne(round: number): Promise<void> {
    const took = await this.#startAndRemove([`${this.contestant.name}-${round}`])
    if (round > 0) this.single.push(took)
  }

  async startAtOnce(round: number, count: number): Promise<void> {
    this.batch.push(await this.#startAndRemove(this.names(`at-once-${round}`, count)))
  }

  names(what: string, count: number): readonly string[] {
    return Array.from({ length: count }, (_, i) => `${this.contestant.name}-${what}-${i}`)
  }

  async #startAndRemove(names: readonly string[]): Promise<number> {
    const took = await this.contestant.start(names)
    await this.contestant.remove(names)
    return took
  }
}
