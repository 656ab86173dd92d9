import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { BenchError } from './error.ts'
import type { Teardown } from './teardown.ts'

/** A running program that takes a command a line and answers each with a line of numbers; one command at a time. */
export class CommandedProgram {
  readonly #name: string
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #reader: Interface
  readonly #lines: AsyncIterator<string>

  /** `name` is what a failure calls it. The program ends with the teardown. */
  constructor(name: string, file: string, args: readonly string[], teardown: Teardown) {
    this.#name = name
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#reader = createInterface({ input: this.#child.stdout })
    this.#lines = this.#reader[Symbol.asyncIterator]()
    teardown.add(() => this.#close())
  }

  /** Rejects with a BenchError when the program ends instead of answering; what it said is on stderr. */
  async run(command: string): Promise<number[]> {
    this.#child.stdin.write(`${command}\n`)
    const line = await this.#lines.next()
    if (line.done)
      throw new BenchError('BENCH_FAILED', `the ${this.#name} ended during "${command}": see above`)
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
