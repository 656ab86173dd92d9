import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Netns } from '../../support/netns.ts'

/** What came of one request: the page, or why there was none. */
export type WebAnswer = { readonly page: string } | { readonly failure: string | number }

interface Reply {
  readonly id: number
  readonly answers: readonly WebAnswer[]
}

const SCRIPT = fileURLToPath(new URL('./web-client-main.mjs', import.meta.url))

/** A process in a network namespace that asks web servers, each time over a connection of its own. */
export class WebClient {
  readonly #child: ChildProcess
  #next = 1

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async start(netns: Netns): Promise<WebClient> {
    const child = spawn('nsenter', [`--net=${netns.path}`, process.execPath, SCRIPT], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    await once(child, 'message')
    return new WebClient(child)
  }

  /** Asks so many times, one after the other. */
  ask(url: string, count = 1): Promise<readonly WebAnswer[]> {
    return this.#request({ action: 'ask', url, count })
  }

  /** The page; rejects with why there is none. */
  async page(url: string): Promise<string> {
    const [answer] = await this.ask(url)
    if (answer !== undefined && 'page' in answer) return answer.page
    throw new Error(`${url}: ${answer?.failure}`)
  }

  /** Asks all the time from now on. */
  async keepAsking(url: string): Promise<void> {
    await this.#request({ action: 'keep asking', url })
  }

  /** What came of all that was asked since. */
  stopAsking(): Promise<readonly WebAnswer[]> {
    return this.#request({ action: 'stop asking' })
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  #request(message: object): Promise<readonly WebAnswer[]> {
    const id = this.#next++
    const answers = new Promise<readonly WebAnswer[]>((resolve) => {
      const hear = (reply: unknown): void => {
        if (!isReply(reply) || reply.id !== id) return
        this.#child.off('message', hear)
        resolve(reply.answers)
      }
      this.#child.on('message', hear)
    })
    this.#child.send({ id, ...message })
    return answers
  }
}

const isReply = (message: unknown): message is Reply =>
  typeof message === 'object' && message !== null && 'id' in message && 'answers' in message

/** The different pages; throws when a request had none. */
export function pagesOf(answers: readonly WebAnswer[]): ReadonlySet<string> {
  return new Set(
    answers.map((answer) => {
      if ('page' in answer) return answer.page.trim()
      throw new Error(`a request was not answered: ${answer.failure}`)
    }),
  )
}
