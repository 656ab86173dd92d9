import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Netns } from '../support/netns.ts'

/** The compiled command; another build can be put to the proof. */
const MAIN = resolve(process.env.HAWSER_COMMAND ?? 'dist/src/cli/main.js')

export const HAWSER_MODES = ['nftables', 'iptables'] as const
export type HawserMode = (typeof HAWSER_MODES)[number]

/** One `hawser proxy` in a network namespace. */
export class Hawser {
  readonly mode: HawserMode
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  #said = ''

  private constructor(mode: HawserMode, child: ChildProcess) {
    this.mode = mode
    this.#child = child
    this.#ended = once(child, 'exit')
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text
      })
  }

  /** Starts it and does not wait. */
  static spawn(netns: Netns, mode: HawserMode, flags: readonly string[]): Hawser {
    if (!existsSync(MAIN)) throw new Error('this tier runs the compiled command: npm run build first')
    const command = [`--net=${netns.path}`, process.execPath, MAIN, 'proxy', '--proxy-mode', mode, ...flags]
    return new Hawser(mode, spawn('nsenter', command, { stdio: ['ignore', 'pipe', 'pipe'] }))
  }

  get said(): string {
    return this.#said
  }

  /** Resolves when everything is in force and what others left is removed; rejects with what it said otherwise. */
  async serving(): Promise<void> {
    const deadline = Date.now() + 60_000
    while (!this.#said.includes('Serving ')) {
      if (this.#child.exitCode !== null || Date.now() > deadline)
        throw new Error(`hawser proxy does not serve; it said: ${this.#said}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** The exit status of one that ends by itself. */
  async ended(): Promise<number | null> {
    await this.#ended
    return this.#child.exitCode
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#child.kill(signal)
    await this.#ended
  }
}
