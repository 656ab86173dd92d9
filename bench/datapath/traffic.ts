import { CommandedProgram } from '../commanded-program.ts'
import { compileProgram } from '../compile.ts'
import type { Teardown } from '../teardown.ts'
import type { Topology } from './topology.ts'

export type Transport = 'tcp' | 'udp'

/** Where connections go: random ones of `count` addresses from `first` on. */
export interface Targets {
  readonly first: number
  readonly count: number
  readonly port: number
}

/** What one measurement came to. */
export interface Sample {
  /** Connections or requests. */
  readonly flows: number
  readonly perSecond: number
  /** Processor time of one, in µs: of the thread with both ends, and of the forwarding on top of it. */
  readonly cpuUs: number
  /** Of connect, or from request to answer, in µs. */
  readonly p50Us: number
  readonly p99Us: number
}

/** The running traffic.cc on both sides of one node; one command at a time. */
export class Traffic {
  readonly #program: CommandedProgram

  private constructor(program: CommandedProgram) {
    this.#program = program
  }

  /** `processor` is the one that it stays on. */
  static async start(
    { client, node, server }: Topology,
    processor: number,
    teardown: Teardown,
  ): Promise<Traffic> {
    const program = await compileProgram('datapath-traffic', ['bench/datapath/traffic.cc'])
    const places = [client.path, node.path, server.path, String(processor)]
    return new Traffic(new CommandedProgram('traffic', program, places, teardown))
  }

  /** Connects or asks as fast as it can for so long; rejects when anything is lost. */
  async measure(transport: Transport, targets: Targets, milliseconds: number): Promise<Sample> {
    const { first, count, port } = targets
    const [elapsed = 0, cpu = 0, flows = 0, p50 = 0, p99 = 0] = await this.#program.run(
      `${transport} ${first} ${count} ${port} ${milliseconds}`,
    )
    return {
      flows,
      perSecond: flows / (elapsed / 1e9),
      cpuUs: cpu / flows / 1000,
      p50Us: p50 / 1000,
      p99Us: p99 / 1000,
    }
  }

  /** Deletes all that the node tracks, so that every measurement begins with an empty table. */
  async flush(): Promise<void> {
    await this.#program.run('flush')
  }
}
