import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { BenchError } from '../error.ts'
import type { Teardown } from '../teardown.ts'

export interface ObserverInput {
  readonly kubeconfig: string
}

export interface ObserverRequest {
  readonly action: 'inSync' | 'changes'
  /** Changes: of the last mark's endpoint, for the other one and back in turns. */
  readonly count?: number
  /** Before each of them. */
  readonly pauseMs?: number
}

/** How long one change took into the kernel, in ms. */
export interface ChangeTimes {
  /** Since its watch event arrived in this namespace. */
  readonly fromEvent: number
  /** Since the API server was asked for it. */
  readonly fromRequest: number
}

/** Milliseconds of the clock that all processes of the machine share, finer than `Date.now`. */
export const now = (): number => performance.timeOrigin + performance.now()

/** The process that watches one proxy from inside of its namespace. */
export class Observer {
  readonly #child: ChildProcess
  readonly #stop: () => Promise<void>

  private constructor(child: ChildProcess, stop: () => Promise<void>) {
    this.#child = child
    this.#stop = stop
  }

  static async start(netns: string, input: ObserverInput, teardown: Teardown): Promise<Observer> {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const module = fileURLToPath(new URL(`./observer-main.${extension}`, import.meta.url))
    const args = [`--net=${netns}`, process.execPath, module, JSON.stringify(input)]
    const child = spawn('nsenter', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const observer = new Observer(
      child,
      teardown.add(() => {
        child.kill('SIGKILL')
      }),
    )
    await observer.#next()
    return observer
  }

  /** When the marks were first in force, by `now`. */
  async whenInSync(limitMs: number): Promise<number> {
    this.#child.send({ action: 'inSync' } satisfies ObserverRequest)
    return (await this.#next(limitMs)) as number
  }

  async changes(count: number, pauseMs: number): Promise<readonly ChangeTimes[]> {
    this.#child.send({ action: 'changes', count, pauseMs } satisfies ObserverRequest)
    return (await this.#next()) as readonly ChangeTimes[]
  }

  stop(): Promise<void> {
    return this.#stop()
  }

  #next(limitMs = 3_600_000): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const fail = (): void => settle(() => reject(failed('the observer of a proxy ended')))
      const late = setTimeout(
        () => settle(() => reject(failed(`a proxy was not in sync after ${limitMs} ms`))),
        limitMs,
      )
      const settle = (act: () => void): void => {
        clearTimeout(late)
        this.#child.off('exit', fail)
        act()
      }
      this.#child.once('exit', fail)
      this.#child.once('message', (message) => settle(() => resolve(message)))
    })
  }
}

const failed = (message: string): BenchError => new BenchError('BENCH_FAILED', message)
