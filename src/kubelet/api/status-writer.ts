import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { KubeClient } from '../../kube/client.ts'
import { KubeError } from '../../kube/error.ts'
import { type ObjectName, splitObjectName } from '../../model/object-name.ts'
import type { Pod } from '../../model/pod.ts'
import type { PodStatus } from '../../model/pod-status.ts'
import { type Backoff, backoffDelay } from '../../util/backoff.ts'
import { errorMessage } from '../../util/error-message.ts'
import { Limit } from '../../util/limit.ts'
import type { Logger } from '../../util/logger.ts'
import type { PodNews } from '../pods/manager.ts'
import { apiTime } from './api-time.ts'
import { type PodCondition, podConditions, podStatusObject, type StatusContext } from './pod-status-object.ts'

export interface StatusWriterOptions extends StatusContext {
  readonly client: Pick<KubeClient, 'json'>
  /** The pod as the API server has it; undefined when it is none of this node's any more. */
  readonly pod: (name: ObjectName) => Pod | undefined
  readonly log: Logger
}

/** Pods that are written at a time. */
const AT_ONCE = 8
const RETRY: Backoff = { firstMs: 200, maxMs: 30_000 }

/** What is known and told of one pod, by UID. */
interface Entry {
  readonly name: ObjectName
  readonly uid: string
  status: PodStatus | undefined
  /** Nothing is left of it on this node. */
  removed: boolean
  told: unknown
  /** Since when each condition has been as it is. */
  readonly since: Map<string, { readonly status: string; readonly time: string }>
  /** There is somebody at it. */
  writing: boolean
  /** Something came since they last looked. */
  hasNews: boolean
}

/**
 * Tells the API server how pods are: of each the latest state only, in order, and once nothing is left of a pod that was
 * to end, its final deletion. A server that is away hears it all when it is back.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions
  readonly #entries = new Map<string, Entry>()
  readonly #limit = new Limit(AT_ONCE)
  readonly #abort = new AbortController()
  readonly #writing = new Set<Promise<void>>()

  constructor(options: StatusWriterOptions) {
    this.#options = options
  }

  /** Takes in what the pods' owner says; returns at once. */
  take(news: PodNews): void {
    if (this.#abort.signal.aborted) return
    const isRemoval = 'removed' in news
    const entry = this.#entry(isRemoval ? news.removed : news.name, news.uid)
    entry.hasNews = true
    if (isRemoval) entry.removed = true
    else entry.status = news
    this.#write(entry)
  }

  /** What is not told yet is told by the next process, which sees the same pods. */
  async close(): Promise<void> {
    this.#abort.abort()
    await Promise.all(this.#writing)
  }

  #entry(name: ObjectName, uid: string): Entry {
    const known = this.#entries.get(uid)
    if (known !== undefined) return known
    const entry: Entry = {
      ...{ name, uid, status: undefined, removed: false, told: undefined, writing: false, hasNews: false },
      since: new Map(),
    }
    this.#entries.set(uid, entry)
    return entry
  }

  #write(entry: Entry): void {
    if (entry.writing) return
    entry.writing = true
    const work = this.#writeAll(entry)
    this.#writing.add(work)
    void work.then(() => this.#writing.delete(work))
  }

  /** Never rejects. */
  async #writeAll(entry: Entry): Promise<void> {
    const { signal } = this.#abort
    for (let failures = 0; entry.hasNews && !signal.aborted; ) {
      try {
        entry.hasNews = false
        await this.#limit.run(() => this.#writeOnce(entry))
        failures = 0
      } catch (error) {
        if (signal.aborted) break
        entry.hasNews = true
        if (this.#isGone(entry, error)) {
          this.#entries.delete(entry.uid)
          break
        }
        if (++failures === 2)
          this.#options.log.warn(
            { pod: entry.name, error: errorMessage(error) },
            'The status of a pod does not arrive',
          )
        await sleep(backoffDelay(RETRY, failures), undefined, { signal }).catch(() => undefined)
      }
    }
    entry.writing = false
  }

  /** Writes what is news. */
  async #writeOnce(entry: Entry): Promise<void> {
    const { status, removed } = entry
    if (status !== undefined) {
      const pod = this.#pod(entry)
      const conditions = podConditions(status)
      const news = { status: podStatusObject(pod, status, this.#options), conditions }
      if (!isDeepStrictEqual(news, entry.told)) {
        await this.#patch(entry, news.status, this.#timed(entry, conditions, pod))
        entry.told = news
      }
    }
    if (!removed) return
    if (this.#pod(entry)?.deletion !== undefined) await this.#delete(entry)
    this.#entries.delete(entry.uid)
  }

  /** It was deleted by force, or another pod has its name by now: 409 is what a wrong UID gives, among others. */
  #isGone(entry: Entry, error: unknown): boolean {
    if (!(error instanceof KubeError)) return false
    return error.status === 404 || (error.status === 409 && this.#pod(entry) === undefined)
  }

  #pod({ name, uid }: Entry): Pod | undefined {
    const pod = this.#options.pod(name)
    return pod?.uid === uid ? pod : undefined
  }

  #timed(entry: Entry, conditions: readonly PodCondition[], pod: Pod | undefined): readonly object[] {
    const now = apiTime(Date.now())
    return conditions.map((condition) => {
      const before = entry.since.get(condition.type)
      const time = before?.status === condition.status ? before.time : now
      entry.since.set(condition.type, { status: condition.status, time })
      const generation = pod === undefined ? {} : { observedGeneration: pod.generation }
      // Conditions are merged: what is not said again would stay.
      const told = { reason: null, message: null, ...condition }
      return { ...told, ...generation, lastProbeTime: null, lastTransitionTime: time }
    })
  }

  /** The UID in it makes the server refuse the patch where another pod has the name by now. */
  #patch({ name, uid }: Entry, status: object, conditions: readonly object[]): Promise<unknown> {
    return this.#options.client.json({
      method: 'PATCH',
      path: `${podPath(name)}/status`,
      contentType: 'application/strategic-merge-patch+json',
      body: { metadata: { uid }, status: { ...status, conditions } },
      signal: this.#abort.signal,
    })
  }

  #delete({ name, uid }: Entry): Promise<unknown> {
    return this.#options.client.json({
      method: 'DELETE',
      path: podPath(name),
      body: { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } },
      signal: this.#abort.signal,
    })
  }
}

function podPath(pod: ObjectName): string {
  const { namespace, name } = splitObjectName(pod)
  return `/api/v1/namespaces/${namespace}/pods/${name}`
}
