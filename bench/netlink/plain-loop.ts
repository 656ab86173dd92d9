import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { compileProgram } from '../compile.ts'
import { BenchError } from '../error.ts'

/** Compiles loop.cc unless that has happened since it last changed; returns the path of the program. */
export const compileLoop = (): Promise<string> => compileProgram('netlink-loop', ['bench/netlink/loop.cc'])

/** The running loop.cc, in the network namespace of this process; it answers one command at a time. */
export class PlainLoop {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: AsyncIterator<string>
  readonly #reader: Interface

  constructor(program: string) {
    this.#child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#reader = createInterface({ input: this.#child.stdout })
    this.#lines = this.#reader[Symbol.asyncIterator]()
  }

  /** Runs one command of loop.cc and returns the nanoseconds it measured itself. */
  async run(command: string): Promise<number> {
    this.#child.stdin.write(`${command}\n`)
    const line = await this.#lines.next()
    if (line.done) throw new BenchError('BENCH_FAILED', `the C++ loop ended during "${command}"`)
    return Number(line.value)
  }

  async close(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.stdin.end()
    this.#reader.close()
    await closed
  }
}
