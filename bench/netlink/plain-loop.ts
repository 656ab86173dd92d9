import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'
import { BenchError } from '../error.ts'
import { packageRoot } from '../package-root.ts'

const source = join(packageRoot, 'bench', 'netlink', 'loop.cc')
const binary = join(packageRoot, 'build', 'bench', 'netlink-loop')

/** What the floor is compiled with; a release build of the addon uses the same optimisation level. */
export const loopFlags = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-Werror']

/** Compiles loop.cc unless that has happened since it last changed; returns the path of the program. */
export async function compileLoop(): Promise<string> {
  if ((await modifiedAt(binary)) > (await modifiedAt(source))) return binary
  await mkdir(dirname(binary), { recursive: true })
  try {
    await promisify(execFile)('g++', [...loopFlags, '-o', binary, source])
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new BenchError('BENCH_FAILED', `compiling ${source}: ${reason} (is g++ installed?)`, error)
  }
  return binary
}

async function modifiedAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs
  } catch {
    return 0
  }
}

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
