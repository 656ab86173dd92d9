import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import type { TestCluster } from './harness/test-cluster.ts'

export interface KubectlOptions {
  /** All of its input; undefined: what is typed. */
  readonly input?: string
  /** Beside the own environment. */
  readonly env?: NodeJS.ProcessEnv
}

export interface KubectlEnd {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number | null
}

const LIMIT_MS = 60_000

/** kubectl with every right, as people run it: it may last, and be typed at. */
export class Kubectl {
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #stdout = ''
  #stderr = ''

  constructor(cluster: TestCluster, args: readonly string[], { env = {} }: KubectlOptions = {}) {
    const program = join(cluster.place.binaries, 'kubectl')
    this.#child = spawn(program, [`--kubeconfig=${cluster.kubeconfig}`, ...args], {
      env: { ...process.env, ...env },
    })
    this.#closed = once(this.#child, 'close')
    // It may end before it has read all of its input.
    this.#child.stdin?.on('error', () => undefined)
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
  }

  /** Runs it to its end. */
  static run(
    cluster: TestCluster,
    args: readonly string[],
    options: KubectlOptions = {},
  ): Promise<KubectlEnd> {
    const running = new Kubectl(cluster, args, options)
    running.#child.stdin?.end(options.input ?? '')
    return running.ended()
  }

  /** What it has printed so far. */
  get stdout(): string {
    return this.#stdout
  }

  type(text: string): void {
    this.#child.stdin?.write(text)
  }

  /** Resolves when it has printed that. */
  says(text: string): Promise<boolean> {
    return eventually(() => {
      if (this.#stdout.includes(text)) return true
      throw new Error(`kubectl has said ${JSON.stringify(this.#stdout + this.#stderr)} so far`)
    }, LIMIT_MS)
  }

  async ended(): Promise<KubectlEnd> {
    await this.#closed
    return { stdout: this.#stdout, stderr: this.#stderr, exitCode: this.#child.exitCode }
  }

  /** Ctrl-C. */
  interrupt(): Promise<KubectlEnd> {
    this.#child.kill('SIGINT')
    return this.ended()
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
