import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { compileProgram } from '../compile.ts'
import { BenchError } from '../error.ts'
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
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #reader: Interface
  readonly #lines: AsyncIterator<string>

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child
    this.#reader = createInterface({ input: child.stdout })
    this.#lines = this.#reader[Symbol.asyncIterator]()
  }

  /** `processor` is the one that it stays on. */
  static async start(
    { client, node, server }: Topology,
    processor: number,
    teardown: Teardown,
  ): Promise<Traffic> {
    const program = await compileProgram('datapath-traffic', ['bench/datapath/traffic.cc'])
    const child = spawn(program, [client.path, node.path, server.path, String(processor)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const traffic = new Traffic(child)
    teardown.add(() => traffic.#close())
    return traffic
  }

  /** Connects or asks as fast as it can for so long; rejects when anything is lost. */
  async measure(transport: Transport, targets: Targets, milliseconds: number): Promise<Sample> {
    const { first, count, port } = targets
    const [elapsed = 0, cpu = 0, flows = 0, p50 = 0, p99 = 0] = await this.#run(
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
    await this.#run('flush')
  }

  async #run(command: string): Promise<number[]> {
    this.#child.stdin.write(`${command}\n`)
    const line = await this.#lines.next()
    if (line.done) throw new BenchError('BENCH_FAILED', `the traffic ended during "${command}": see above`)
    return line.value.split(' ').map(Number)
  }

  async #close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const closed = once(this.#child, 'close')
    this.#child.stdin.end()
    this.#reader.close()
    await closed
  }
}
