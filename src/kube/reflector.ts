import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { type Backoff, backoffDelay } from '../util/backoff.ts'
import { errorMessage } from '../util/error-message.ts'
import type { Logger } from '../util/logger.ts'
import { Pacer } from '../util/pacer.ts'
import type { KubeClient } from './client.ts'
import type { Collection } from './collection.ts'
import { KubeError } from './error.ts'
import { type KubeObject, objectKey } from './kube-object.ts'
import { listObjects } from './list.ts'
import { type WatchEvent, watchEvents } from './watch.ts'

/** One object as it is now; undefined when it is gone. */
export interface ObjectChange<Value> {
  /** `namespace/name`, or the name alone. */
  readonly key: string
  readonly value: Value | undefined
}

export interface ReflectorOptions<Value> {
  readonly client: KubeClient
  readonly collection: Collection
  /**
   * Makes the value that is kept of an object; undefined when the object means nothing here. `before` is what is kept
   * of it so far: returning it leaves that in force. Must not throw, and must not keep the object.
   */
  readonly decode: (object: KubeObject, before: Value | undefined) => Value | undefined
  /** Objects that the server has no longer, whether they had a value or not. */
  readonly onGone?: (key: string) => void
  /** Hears what changed, after `objects` has it. The first time it is everything, together. Must not throw. */
  readonly onChanges: (changes: readonly ObjectChange<Value>[]) => void
  /** Hears of each failure, when `problem` has it. Must not throw. */
  readonly onProblem?: (problem: KubeError) => void
  readonly log: Logger
  readonly backoff?: Backoff
  /** How long a watch may be silent; the server sends a bookmark about every minute. */
  readonly livenessMs?: number
}

const BACKOFF: Backoff = { firstMs: 200, maxMs: 30_000 }
const LIVENESS_MS = 150_000

/** As client-go: between 5 and 10 minutes, so that the watches of a cluster's nodes do not end together. */
const watchSeconds = (): number => 300 + Math.floor(Math.random() * 300)

/** A watch that ends in order sooner than this, and brought nothing, was refused in a polite way. */
const SHORTEST_WATCH_MS = 1_000

/** After as many answers in a row that made no sense, the resource version itself is in doubt. */
const MAX_DOUBTS = 2

/**
 * Keeps a copy of a collection of the API server, whatever the server and the network do: everything first, by a
 * streaming list where the server offers it and in pages otherwise, then every change. A watch that ends or breaks goes
 * on from the last change seen; one that has lost its place begins anew, and what vanished meanwhile is found out.
 */
export class Reflector<Value> {
  readonly #options: ReflectorOptions<Value>
  readonly #abort = new AbortController()
  readonly #objects = new Map<string, Value>()
  /** Every object that was decoded, also those without a value: their end has to be heard of. */
  #present = new Set<string>()
  readonly #running: Promise<void>
  #resourceVersion: string | undefined
  #synced = false
  #streamsLists = true
  #streamNext = true
  #doubts = 0
  #problem: KubeError | undefined

  constructor(options: ReflectorOptions<Value>) {
    this.#options = options
    this.#running = this.#run()
  }

  /** By key, as of the last change heard. */
  get objects(): ReadonlyMap<string, Value> {
    return this.#objects
  }

  /** Everything has been there once. */
  get synced(): boolean {
    return this.#synced
  }

  /** Why `objects` may be behind; undefined while the watch is open. */
  get problem(): KubeError | undefined {
    return this.#problem
  }

  /** Resolves when nothing more will be said. */
  close(): Promise<void> {
    this.#abort.abort()
    return this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort
    let failures = 0
    while (!signal.aborted) {
      const from = this.#resourceVersion
      const started = performance.now()
      let error: KubeError | undefined
      try {
        await this.#attempt(from)
      } catch (thrown) {
        if (signal.aborted) return
        error = asKubeError(thrown, this.#options.collection)
      }
      const progress = this.#resourceVersion !== from
      if (progress) this.#doubts = 0
      failures = progress ? 0 : failures + 1
      if (error !== undefined) {
        this.#judge(error, from === undefined)
        // Only a list can follow at once: anything else that failed has a reason that may last.
        if (error.code !== 'EXPIRED') failures = Math.max(1, failures)
      } else if (performance.now() - started >= SHORTEST_WATCH_MS) {
        failures = 0
      }
      if (failures > 0 || error?.retryAfterMs !== undefined) await this.#pause(failures, error)
    }
  }

  async #attempt(resourceVersion: string | undefined): Promise<void> {
    if (resourceVersion !== undefined || (this.#streamsLists && this.#streamNext))
      await this.#watch(resourceVersion)
    else await this.#list()
  }

  async #list(): Promise<void> {
    const { client, collection } = this.#options
    const next = new Map<string, Value | undefined>()
    const take = (object: KubeObject): void => this.#collect(object, next)
    const resourceVersion = await listObjects(client, collection, take, this.#abort.signal)
    await this.#replace(next, resourceVersion)
  }

  async #watch(resourceVersion: string | undefined): Promise<void> {
    const { client, collection, livenessMs = LIVENESS_MS } = this.#options
    // While the initial events come in, the objects stay as they were.
    let initial = resourceVersion === undefined ? new Map<string, Value | undefined>() : undefined
    const batches = watchEvents(client, collection, {
      resourceVersion,
      livenessMs,
      timeoutSeconds: watchSeconds(),
      onOpen: () => {
        if (resourceVersion !== undefined) this.#recovered()
      },
      signal: this.#abort.signal,
    })
    for await (const batch of batches) {
      let rest = batch
      if (initial !== undefined) {
        const end = this.#takeInitial(batch, initial)
        if (end === undefined) continue
        await this.#replace(initial, end.resourceVersion)
        initial = undefined
        rest = batch.slice(end.index + 1)
      }
      this.#apply(rest)
      if (this.#abort.signal.aborted) return
    }
    if (initial !== undefined)
      throw new KubeError(
        'UNREACHABLE',
        `cannot list ${collection.path}: the stream ended before its last object`,
        'the objects are listed again',
      )
  }

  /** Collects initial events; the place in the batch and the resource version where they end, when they do. */
  #takeInitial(
    batch: readonly WatchEvent[],
    initial: Map<string, Value | undefined>,
  ): { index: number; resourceVersion: string } | undefined {
    for (const [index, event] of batch.entries()) {
      if (event.type === 'BOOKMARK') {
        if (event.initialEventsEnd) return { index, resourceVersion: event.resourceVersion }
        // A server of before 1.27 ignores what it was asked for and simply watches.
        this.#streamsLists = false
        throw new KubeError('GARBAGE', 'the server does not stream lists', 'the objects are listed in pages')
      }
      if (event.type === 'DELETED') initial.delete(objectKey(event.object))
      else this.#collect(event.object, initial)
    }
    return undefined
  }

  #collect(object: KubeObject, into: Map<string, Value | undefined>): void {
    const key = objectKey(object)
    // Also of a list that fails: what its objects left behind has to go with them.
    this.#present.add(key)
    into.set(key, this.#options.decode(object, into.get(key) ?? this.#objects.get(key)))
  }

  /** What a list says takes the place of what was known: the difference is what changed. */
  async #replace(next: ReadonlyMap<string, Value | undefined>, resourceVersion: string): Promise<void> {
    const pacer = new Pacer()
    const changes: ObjectChange<Value>[] = []
    const gone = [...this.#present].filter((key) => !next.has(key))
    for (const key of gone) if (this.#objects.has(key)) changes.push({ key, value: undefined })
    for (const [key, value] of next) {
      const before = this.#objects.get(key)
      if (before !== value && !isDeepStrictEqual(before, value)) changes.push({ key, value })
      if (pacer.due()) await pacer.pause()
    }
    if (this.#abort.signal.aborted) return
    this.#present = new Set(next.keys())
    this.#resourceVersion = resourceVersion
    for (const change of changes) this.#keep(change)
    for (const key of gone) this.#options.onGone?.(key)
    const first = !this.#synced
    this.#synced = true
    this.#recovered()
    if (first || changes.length > 0) this.#options.onChanges(changes)
  }

  #apply(batch: readonly WatchEvent[]): void {
    const changes: ObjectChange<Value>[] = []
    for (const event of batch) {
      if (event.type === 'BOOKMARK') {
        this.#resourceVersion = event.resourceVersion
        continue
      }
      const key = objectKey(event.object)
      const before = this.#objects.get(key)
      if (event.type === 'DELETED') {
        this.#present.delete(key)
        this.#options.onGone?.(key)
      } else {
        this.#present.add(key)
      }
      const value = event.type === 'DELETED' ? undefined : this.#options.decode(event.object, before)
      if (value !== before) {
        changes.push({ key, value })
        this.#keep({ key, value })
      }
      this.#resourceVersion = event.object.metadata.resourceVersion
    }
    if (changes.length > 0) this.#options.onChanges(changes)
  }

  #keep({ key, value }: ObjectChange<Value>): void {
    if (value === undefined) this.#objects.delete(key)
    else this.#objects.set(key, value)
  }

  /** Decides what a failure says of the place to go on from. */
  #judge(error: KubeError, initial: boolean): void {
    const { collection, log } = this.#options
    const fields = { collection: collection.path, code: error.code, status: error.status }
    if (this.#problem?.code === error.code && this.#problem.status === error.status)
      log.debug(fields, error.message)
    else if (error.code === 'EXPIRED') log.info(fields, error.message)
    else log.warn(fields, error.message)
    this.#problem = error
    this.#options.onProblem?.(error)
    if (initial && this.#resourceVersion === undefined) {
      // A stream of everything is one long answer, pages are short ones: where one fails the other may come through.
      this.#streamNext = !this.#streamNext
      // 422 or 400: the server knows the parameter but does not offer it (feature gate WatchList).
      if (error.status === 400 || error.status === 422) this.#streamsLists = false
    }
    if (error.code === 'GARBAGE' || error.code === 'REFUSED') this.#doubts++
    if (error.code === 'EXPIRED' || this.#doubts >= MAX_DOUBTS) {
      this.#resourceVersion = undefined
      this.#doubts = 0
    }
  }

  #recovered(): void {
    if (this.#problem !== undefined)
      this.#options.log.info(
        { collection: this.#options.collection.path },
        'the API server is being followed again',
      )
    this.#problem = undefined
  }

  async #pause(failures: number, error: KubeError | undefined): Promise<void> {
    const delay = backoffDelay(this.#options.backoff ?? BACKOFF, failures) * (0.5 + Math.random() / 2)
    const ms = Math.max(failures > 0 ? delay : 0, error?.retryAfterMs ?? 0)
    await sleep(ms, undefined, { signal: this.#abort.signal }).catch(() => undefined)
  }
}

const asKubeError = (thrown: unknown, { path }: Collection): KubeError =>
  thrown instanceof KubeError
    ? thrown
    : new KubeError('GARBAGE', `cannot follow ${path}: ${errorMessage(thrown)}`, 'it is tried again', {
        cause: thrown,
      })
