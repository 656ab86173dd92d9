import { CommandedProgram } from '../commanded-program.ts'
import { compileProgram } from '../compile.ts'
import { BenchError } from '../error.ts'
import type { Teardown } from '../teardown.ts'

/** Events that were made, all of them, and the rate of those made in the time asked for. */
export interface Churned {
  readonly events: number
  readonly perSecond: number
}

export interface Swept {
  readonly ms: number
  readonly deleted: number
}

/** The running generator.cc, in a network namespace; one command at a time. */
export class Generator {
  readonly #program: CommandedProgram

  private constructor(program: CommandedProgram) {
    this.#program = program
  }

  static async start(netns: string, teardown: Teardown): Promise<Generator> {
    const codec = ['native/codec/message_writer.cc', 'native/codec/buffer.cc']
    const program = await compileProgram('conntrack-generator', ['bench/conntrack/generator.cc', ...codec])
    return new Generator(new CommandedProgram('generator', 'nsenter', [`--net=${netns}`, program], teardown))
  }

  /** Puts `count` flows of `services` Services into the table. */
  async insert(count: number, services: number): Promise<void> {
    const [, refusals] = await this.#program.run(`insert 0 ${count} ${services}`)
    if (refusals !== 0)
      throw new BenchError(
        'BENCH_FAILED',
        `the kernel refused ${refusals} of ${count} entries: a full table?`,
      )
  }

  /** Opens and closes flows at `rate` events a second, 0: as fast as it can. */
  async churn(rate: number, seconds: number, services: number): Promise<Churned> {
    const [nanoseconds = 0, paced = 0, events = 0] = await this.#program.run(
      `churn ${rate} ${seconds} ${services}`,
    )
    return { events, perSecond: paced / (nanoseconds / 1e9) }
  }

  /** Dumps and then deletes the flows of the first `stale` Services one by one. */
  async sweep(count: number, stale: number, services: number): Promise<Swept> {
    const [nanoseconds = 0, deleted = 0] = await this.#program.run(`sweep ${count} ${stale} ${services}`)
    return { ms: nanoseconds / 1e6, deleted }
  }

  /** Milliseconds of a dump of all translated flows that nobody reads. */
  async dump(): Promise<number> {
    const [nanoseconds = 0] = await this.#program.run('dump')
    return nanoseconds / 1e6
  }

  async flush(): Promise<void> {
    await this.#program.run('flush')
  }
}
