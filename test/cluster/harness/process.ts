import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Where the programs of one cluster are, and what belongs to it. */
export interface ProcessPlace {
  readonly binaries: string
  /** Data, certificates and output; goes with the cluster. */
  readonly folder: string
}

export interface ProcessOptions {
  /** Path of the network namespace to run in; the caller's own by default. */
  readonly netns?: string
  /** Name of the file with its output, where several run in one place; the program's by default. */
  readonly logName?: string
  /** Environment beside the caller's. */
  readonly env?: Readonly<Record<string, string>>
}

/** How long a program has to end after SIGTERM before it is killed: more than an orderly end takes on a busy machine. */
const GRACE_MS = 60_000

/** How long one look may take whether a program is ready. */
const ATTEMPT_MS = 10_000

/** A program ended, or took too long, before it was as it should be; the message has the end of its output. */
export class ProgramNotReady extends Error {
  readonly code = 'PROGRAM_NOT_READY'
}

/** One program of the control plane or of a node, its output in a file. */
export class ClusterProcess {
  readonly name: string
  readonly #child: ChildProcess
  readonly #log: string
  readonly #ended: Promise<void>
  #hasEnded = false

  private constructor(name: string, child: ChildProcess, log: string) {
    this.name = name
    this.#child = child
    this.#log = log
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        this.#hasEnded = true
        resolve()
      }
      child.once('exit', end)
      child.once('error', end)
    })
  }

  /** The program dies with the process that starts it, however that ends. */
  static start(
    name: string,
    place: ProcessPlace,
    args: readonly string[],
    { netns, logName = name, env = {} }: ProcessOptions = {},
  ): ClusterProcess {
    const log = join(place.folder, `${logName}.log`)
    const output = openSync(log, 'a')
    const program = ['setpriv', '--pdeathsig', 'KILL', '--', join(place.binaries, name), ...args]
    const [command = '', ...rest] = netns === undefined ? program : ['nsenter', `--net=${netns}`, ...program]
    const child = spawn(command, rest, { stdio: ['ignore', output, output], env: { ...process.env, ...env } })
    closeSync(output)
    return new ClusterProcess(logName, child, log)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** What it has said so far, of former runs under the same name too. */
  output(): Promise<string> {
    return readFile(this.#log, 'utf8').catch(() => '')
  }

  /** Null while it runs, and when a signal ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode
  }

  /** Settles when it ends, whatever ends it. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** Polls `ready` until it says true. Rejects with the end of the program's output when it ends or takes too long. */
  async whenReady(ready: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
    const deadline = Date.now() + limitMs
    while (!(await this.#attempt(ready))) {
      if (this.#hasEnded || Date.now() > deadline) {
        const text = await this.output()
        const what = this.#hasEnded ? 'ended' : `was not ready after ${limitMs} ms`
        throw new ProgramNotReady(`${this.name} ${what}; the end of its output:\n${text.slice(-3_000)}`)
      }
      await sleep(50)
    }
  }

  /** An attempt that gets no answer at all is none: the next one may. */
  async #attempt(ready: () => Promise<boolean>): Promise<boolean> {
    const limit = new AbortController()
    const late = sleep(ATTEMPT_MS, false, { signal: limit.signal }).catch(() => false)
    const over = this.#ended.then(() => false)
    const result = await Promise.race([ready().catch(() => false), late, over])
    limit.abort()
    return result
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM', graceMs = GRACE_MS): Promise<void> {
    if (this.#hasEnded) return
    this.#child.kill(signal)
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), graceMs)
    await this.#ended
    clearTimeout(kill)
  }
}
