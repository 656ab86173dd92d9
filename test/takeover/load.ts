import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Netns } from '../support/netns.ts'

export interface Target {
  /** For people. */
  readonly name: string
  readonly protocol: 'TCP' | 'UDP'
  readonly address: string
  readonly port: number
}

export interface LoadOptions {
  /** New connections, and datagrams of new flows, go here all the time. */
  readonly targets: readonly Target[]
  /** Connections, and flows from one port, that are opened once and used all the time. */
  readonly held: readonly Target[]
  /** Clients of each target. */
  readonly loops: number
  /** Of a client, between two attempts. */
  readonly pauseMs: number
}

/** Something that a client was refused, did not get within 5 s, or got at the second attempt of its kernel only. */
export interface LoadFailure {
  readonly what: 'connection' | 'datagram' | 'established'
  /** Name of the target. */
  readonly target: string
  readonly reason: string
  /** When it began, in ms since the epoch. */
  readonly at: number
  readonly ms: number
  /** How far a connection came. */
  readonly phase?: 'connecting' | 'connected'
  /** The client's own port, once it is connected. */
  readonly port?: number
}

export interface LoadTally {
  readonly connections: number
  readonly datagrams: number
  /** Messages over what is held. */
  readonly talks: number
  readonly slowestMs: number
  /** The longest time for which the machine kept the clients from running. */
  readonly stalledMs: number
  readonly failed: number
  /** The first of those that failed. */
  readonly failures: readonly LoadFailure[]
}

const SCRIPT = fileURLToPath(new URL('load-main.mjs', import.meta.url))

/** Clients in a network namespace that never stop asking. */
export class Load {
  readonly #child: ChildProcess
  readonly #pending = new Map<number, (message: Reply) => void>()
  #next = 1

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (message) => {
      const reply = message as Reply
      this.#pending.get(reply.id)?.(reply)
      this.#pending.delete(reply.id)
    })
  }

  /** Resolves when everything that is held is open. */
  static async start(netns: Netns, options: LoadOptions): Promise<Load> {
    const child = spawn('nsenter', [`--net=${netns.path}`, process.execPath, SCRIPT], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const load = new Load(child)
    await new Promise((resolve) => load.#pending.set(0, resolve))
    await load.#ask({ action: 'start', ...options })
    return load
  }

  /** What came of everything that was begun since the last call; waits for what is under way. */
  async take(): Promise<LoadTally> {
    return (await this.#ask({ action: 'take' })) as LoadTally
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }

  async #ask(message: object): Promise<unknown> {
    const id = this.#next++
    const reply = new Promise<Reply>((resolve) => this.#pending.set(id, resolve))
    this.#child.send({ id, ...message })
    const { result, error } = await reply
    if (error !== undefined) throw new Error(error)
    return result
  }
}

interface Reply {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}
