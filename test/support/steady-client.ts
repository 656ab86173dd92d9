import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'
import type { Netns } from './netns.ts'

export interface SteadyTarget {
  readonly protocol: 'TCP' | 'UDP'
  readonly address: string
  readonly port: number
}

export interface SteadyTally {
  readonly answers: number
  /** Names of the servers that answered. */
  readonly from: readonly string[]
  /** Why there was no answer, each time. */
  readonly failures: readonly string[]
}

/** How it went with one target, `ADDRESS PORT/PROTOCOL`. */
export interface SteadyReport {
  readonly target: string
  /** On the one connection that was held all the time. */
  readonly held: SteadyTally
  /** On connections of their own. */
  readonly fresh: SteadyTally
}

/** For each thing that is waited for, on a machine with much else to do. */
const LIMIT_MS = 60_000

const SCRIPT = fileURLToPath(new URL('./steady-client-main.mjs', import.meta.url))

/** A process in a network namespace that never stops asking, so that whatever is done meanwhile shows. */
export class SteadyClient {
  readonly #child: ChildProcess
  #next = 1

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Every target has answered when this resolves. */
  static async start(netns: Netns, targets: readonly SteadyTarget[]): Promise<SteadyClient> {
    const words = [`--net=${netns.path}`, process.execPath, SCRIPT, JSON.stringify(targets)]
    const child = spawn('nsenter', words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    await new Promise((resolve) => child.once('message', resolve))
    const client = new SteadyClient(child)
    await client.goesOn(1)
    return client
  }

  /** Resolves when everything was asked so many times more. */
  async goesOn(times: number): Promise<void> {
    const before = counts(await this.report())
    await eventually(async () => {
      const report = await this.report()
      if (counts(report).every((count, i) => count >= (before[i] ?? 0) + times)) return true
      throw new Error(`not everything was asked ${times} times more: ${JSON.stringify(report)}`)
    }, LIMIT_MS)
  }

  report(): Promise<readonly SteadyReport[]> {
    return this.#ask('report')
  }

  /** Asks no more, and keeps its connections. */
  rest(): Promise<readonly SteadyReport[]> {
    return this.#ask('rest')
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }

  #ask(action: string): Promise<readonly SteadyReport[]> {
    const id = this.#next++
    return new Promise((resolve) => {
      const hear = (message: unknown): void => {
        const { id: of, result } = message as { id: number; result: readonly SteadyReport[] }
        if (of !== id) return
        this.#child.off('message', hear)
        resolve(result)
      }
      this.#child.on('message', hear)
      this.#child.send({ id, action })
    })
  }
}

const counts = (reports: readonly SteadyReport[]): number[] =>
  reports.flatMap(({ held, fresh }) =>
    [held, fresh].map(({ answers, failures }) => answers + failures.length),
  )
