import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import type { KubeClient } from '../../src/kube/client.ts'
import { errorMessage } from '../../src/util/error-message.ts'
import { BenchError } from '../error.ts'
import type { Teardown } from '../teardown.ts'

/** When events of a pod arrived here, in ms of `performance.now`; undefined: none has. */
export interface PodTimeline {
  /** The scheduler has bound it. */
  boundAt: number | undefined
  /** Its phase is Running, and so is every container. */
  runningAt: number | undefined
  goneAt: number | undefined
}

/** As far as the watch is looked at. */
interface WatchEvent {
  readonly type: string
  readonly object: {
    readonly metadata: { readonly name: string; readonly resourceVersion: string }
    readonly spec?: { readonly nodeName?: string }
    readonly status?: {
      readonly phase?: string
      readonly containerStatuses?: readonly { readonly state?: { readonly running?: object } }[]
    }
  }
}

export const PODS = '/api/v1/namespaces/default/pods'

/** An observer of its own of all pods: what happened before its eyes has one clock, whoever did it. */
export class PodWatch {
  readonly #timelines = new Map<string, PodTimeline>()
  readonly #waiting = new Set<() => void>()
  readonly #client: KubeClient
  #events: IncomingMessage | undefined
  #version: string | undefined
  #closed = false
  #failure: BenchError | undefined

  private constructor(client: KubeClient, teardown: Teardown) {
    this.#client = client
    teardown.add(() => {
      this.#closed = true
      this.#events?.destroy()
    })
  }

  static async open(client: KubeClient, teardown: Teardown): Promise<PodWatch> {
    const watch = new PodWatch(client, teardown)
    await watch.#follow()
    return watch
  }

  timeline(name: string): PodTimeline {
    const known = this.#timelines.get(name)
    if (known !== undefined) return known
    const fresh = { boundAt: undefined, runningAt: undefined, goneAt: undefined }
    this.#timelines.set(name, fresh)
    return fresh
  }

  /** Resolves when all of them have come this far; rejects with a BenchError that names one that has not in time. */
  async all(names: readonly string[], event: keyof PodTimeline, limitMs: number): Promise<void> {
    const missing = (): string | undefined => names.find((name) => this.timeline(name)[event] === undefined)
    const deadline = performance.now() + limitMs
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      const name = missing()
      if (name === undefined) return
      const left = deadline - performance.now()
      if (left <= 0) {
        const seen = JSON.stringify(this.timeline(name))
        throw new BenchError('BENCH_FAILED', `pod ${name}: no ${event} after ${limitMs} ms (${seen})`)
      }
      await this.#next(left)
    }
  }

  #next(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, limitMs)
      this.#waiting.add(done)
    })
  }

  /** A server ends a watch when it likes; the next one goes on behind the last event. */
  async #follow(): Promise<void> {
    const since = this.#version === undefined ? {} : { resourceVersion: this.#version }
    const events = await this.#client.stream({ path: PODS, query: { watch: true, ...since } })
    this.#events = events
    createInterface({ input: events }).on('line', (line) => this.#take(JSON.parse(line)))
    events.on('error', () => undefined)
    events.on('close', () => {
      if (!this.#closed) this.#follow().catch((error: unknown) => this.#fail(errorMessage(error)))
    })
  }

  #take({ type, object }: WatchEvent): void {
    const now = performance.now()
    if (type === 'ERROR') {
      this.#fail(JSON.stringify(object))
      return
    }
    this.#version = object.metadata.resourceVersion
    const timeline = this.timeline(object.metadata.name)
    if (type === 'DELETED') timeline.goneAt ??= now
    if (object.spec?.nodeName !== undefined) timeline.boundAt ??= now
    const { phase, containerStatuses = [] } = object.status ?? {}
    const running = containerStatuses.length > 0 && containerStatuses.every(({ state }) => state?.running)
    if (phase === 'Running' && running) timeline.runningAt ??= now
    this.#wake()
  }

  #fail(reason: string): void {
    this.#failure ??= new BenchError('BENCH_FAILED', `the watch on pods cannot be followed: ${reason}`)
    this.#wake()
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake()
  }
}
