import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Netns } from './netns.ts'

/** What came of one question to an address. */
export type Answer =
  /** `from` is the name of the server that answered, `seenAs` the client's address as the server saw it. */
  | { readonly kind: 'answered'; readonly from: string; readonly seenAs: string; readonly ms: number }
  /** Said no at once: a TCP reset or an ICMP error. */
  | { readonly kind: 'refused'; readonly code: string; readonly ms: number }
  /** Nothing within the time. */
  | { readonly kind: 'silent'; readonly ms: number }

export interface Question {
  readonly protocol: 'TCP' | 'UDP'
  readonly address: string
  readonly port: number
  readonly timeoutMs?: number
  /** Address to ask from; the kernel's choice by default. */
  readonly from?: string
}

interface Pending {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

const SCRIPT = fileURLToPath(new URL('./agent-main.mjs', import.meta.url))
const PATIENCE_MS = 2000

/** A process in a network namespace that serves, and asks others, on behalf of a test. */
export class Agent {
  readonly #child: ChildProcess
  readonly #pending = new Map<number, Pending>()
  #next = 0

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async start(netns: Netns): Promise<Agent> {
    const child = spawn('nsenter', [`--net=${netns.path}`, process.execPath, SCRIPT], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const agent = new Agent(child)
    const ready = agent.#expect()
    child.on('message', (message) =>
      agent.#settle(message as { id: number; result?: unknown; error?: string }),
    )
    child.on('exit', () => agent.#fail(new Error(`the agent in ${netns.name} ended`)))
    await ready
    return agent
  }

  /** Answers on TCP and UDP at `port` with its `name`. */
  async serve(port: number, name: string): Promise<void> {
    await this.#request({ action: 'serve', port, name })
  }

  async ask(question: Question): Promise<Answer> {
    return (await this.#request({ action: 'ask', timeoutMs: PATIENCE_MS, ...question })) as Answer
  }

  /** `count` questions, a few at a time. */
  async askOften(question: Question, count: number): Promise<Answer[]> {
    const answers: Answer[] = []
    while (answers.length < count) {
      const some = Array.from({ length: Math.min(10, count - answers.length) }, () => this.ask(question))
      answers.push(...(await Promise.all(some)))
    }
    return answers
  }

  /**
   * What comes of each question, in their order: those that are answered are asked `times` times, others once. One
   * message to the agent and back, so that thousands are cheap.
   */
  async askAll(
    questions: readonly (Question & { readonly times: number })[],
  ): Promise<readonly (readonly Answer[])[]> {
    const all = questions.map((question) => ({ timeoutMs: PATIENCE_MS, ...question }))
    return (await this.#request({ action: 'askAll', questions: all })) as readonly (readonly Answer[])[]
  }

  /** Opens a TCP connection that stays open under a name. */
  async hold(connection: string, address: string, port: number): Promise<void> {
    await this.#request({ action: 'hold', connection, address, port })
  }

  /** Sends a message over a held connection. */
  async talk(connection: string): Promise<Answer> {
    return (await this.#request({ action: 'talk', connection, timeoutMs: PATIENCE_MS })) as Answer
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }

  #request(message: object): Promise<unknown> {
    const reply = this.#expect()
    this.#child.send({ id: this.#next - 1, ...message })
    return reply
  }

  #expect(): Promise<unknown> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
    })
  }

  #settle({ id, result, error }: { id: number; result?: unknown; error?: string }): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    if (error === undefined) pending?.resolve(result)
    else pending?.reject(new Error(error))
  }

  #fail(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }
}
