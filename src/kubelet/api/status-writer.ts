import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { KubeClient } from '../../kube/client.ts'
import { KubeError } from '../../kube/error.ts'
import { versionOf } from '../../kube/kube-object.ts'
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
import { isEnding, type ToldCondition, toldConditions } from './told-pod.ts'

export interface StatusWriterOptions extends StatusContext {
  readonly client: Pick<KubeClient, 'json'>
  /**
   * The pod as the API server has it, or the mirror of a static one; `later` when there is none yet, undefined when it is
   * none of this node's any more.
   */
  readonly pod: (name: ObjectName, uid: string) => Pod | 'later' | undefined
  /** The same as it is written there: a former kubelet may have told of it already. */
  readonly written?: (name: ObjectName) => unknown
  readonly log: Logger
}

/** Pods that are written at a time. */
const AT_ONCE = 8
const RETRY: Backoff = { firstMs: 200, maxMs: 30_000 }
/**
 * What nobody waits for is told together with what comes within this time: a start is one write, not four. That a pod was
 * taken on is told sooner than that it has an address by now.
 */
const HOLD_MS = { first: 1_000, later: 3_000 }

/** What is known and told of one pod, by UID. */
interface Entry {
  readonly name: ObjectName
  readonly uid: string
  status: PodStatus | undefined
  /** Nothing is left of it on this node. */
  removed: boolean
  told: unknown
  /** That is how it ended. */
  endTold: boolean
  /** Of the pod as it was when that was written. */
  toldVersion: bigint
  /** Since when each condition has been as it is. */
  readonly since: Map<string, ToldCondition>
  /** There is somebody at it. */
  writing: boolean
  /** When what came since they last looked is to be told, in ms since the epoch; undefined: nothing came. */
  dueAt: number | undefined
  timer: NodeJS.Timeout | undefined
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
    // The runtime is silent: that is news of the node. The pod goes on as it was told of, as far as anybody knows.
    if (!isRemoval && news.phase === 'Unknown') return
    const entry = this.#entry(isRemoval ? news.removed : news.name, news.uid)
    const hold = entry.told === undefined ? HOLD_MS.first : HOLD_MS.later
    const isNow = isRemoval || isUrgent(entry.status, news)
    if (isRemoval) entry.removed = true
    else entry.status = news
    this.#due(entry, isNow ? 0 : hold)
  }

  /** There is another pod at the API server that stands for this one: it is told all of it. */
  retell(uid: string): void {
    const entry = this.#entries.get(uid)
    if (entry === undefined || this.#abort.signal.aborted) return
    entry.told = undefined
    entry.since.clear()
    this.#due(entry, 0)
  }

  /**
   * The pod was written to. Where it says otherwise than it was told, it is told again: the node controller makes the pods
   * of a node that it gives up unready, and leaves it to the kubelet to say that they are well.
   */
  compare(name: ObjectName): void {
    for (const entry of this.#entries.values()) if (entry.name === name) this.#compare(entry)
  }

  /** What is not told yet is told by the next process, which sees the same pods. */
  async close(): Promise<void> {
    this.#abort.abort()
    for (const { timer } of this.#entries.values()) clearTimeout(timer)
    await Promise.all(this.#writing)
  }

  #entry(name: ObjectName, uid: string): Entry {
    const known = this.#entries.get(uid)
    if (known !== undefined) return known
    const entry: Entry = {
      ...{ name, uid, status: undefined, removed: false, told: undefined, toldVersion: 0n, endTold: false },
      ...{ since: new Map(), writing: false, dueAt: undefined, timer: undefined },
    }
    this.#entries.set(uid, entry)
    return entry
  }

  #compare(entry: Entry): void {
    // What is on its way may be the very thing that was written.
    const { status, told, writing } = entry
    if (status === undefined || told === undefined || writing || this.#abort.signal.aborted) return
    const written = this.#options.written?.(entry.name)
    if (versionOf(written) <= entry.toldVersion) return
    const conditions = toldConditions(written)
    if (podConditions(status).every((it) => conditions.get(it.type)?.status === it.status)) return
    entry.told = undefined
    this.#due(entry, HOLD_MS.first)
  }

  #due(entry: Entry, hold: number): void {
    const now = Date.now()
    entry.dueAt = Math.min(entry.dueAt ?? Number.POSITIVE_INFINITY, now + hold)
    if (entry.writing) return
    clearTimeout(entry.timer)
    if (entry.dueAt <= now) this.#write(entry)
    else entry.timer = setTimeout(() => this.#write(entry), entry.dueAt - now)
  }

  #write(entry: Entry): void {
    entry.writing = true
    const work = this.#writeAll(entry)
    this.#writing.add(work)
    void work.then(() => {
      this.#writing.delete(work)
      entry.writing = false
      if (entry.dueAt !== undefined && !this.#abort.signal.aborted) this.#due(entry, HOLD_MS.later)
      this.#compare(entry)
    })
  }

  /** Never rejects. */
  async #writeAll(entry: Entry): Promise<void> {
    const { signal } = this.#abort
    for (let failures = 0; isDue(entry) && !signal.aborted; ) {
      try {
        entry.dueAt = undefined
        await this.#limit.run(() => this.#writeOnce(entry))
        failures = 0
      } catch (error) {
        if (signal.aborted) break
        if (this.#isGone(entry, error)) {
          this.#entries.delete(entry.uid)
          entry.dueAt = undefined
          break
        }
        entry.dueAt = 0
        if (++failures === 2)
          this.#options.log.warn(
            { pod: entry.name, error: errorMessage(error) },
            'The status of a pod does not arrive',
          )
        await sleep(backoffDelay(RETRY, failures), undefined, { signal }).catch(() => undefined)
      }
    }
  }

  /** Writes what is news. */
  async #writeOnce(entry: Entry): Promise<void> {
    const { status, removed } = entry
    const pod = this.#options.pod(entry.name, entry.uid)
    if (status !== undefined && pod !== undefined && pod !== 'later') await this.#tell(entry, status, pod)
    // Asked anew: it may have been deleted meanwhile.
    if (removed && this.#isToGo(entry)) await this.#delete(entry)
    if (removed || pod === undefined) this.#entries.delete(entry.uid)
  }

  async #tell(entry: Entry, status: PodStatus, pod: Pod): Promise<void> {
    // An end that was told is final, and what made it so may be gone from here by now.
    if (entry.told === undefined && pod.uid === entry.uid && pod.told.ended !== undefined) return
    // What becomes of the sandbox of a pod that is to go, and whose end is told, is nobody's business.
    if (entry.endTold && pod.deletion !== undefined) return
    // What this process has not changed has been as it is for longer than it lives.
    if (entry.told === undefined)
      for (const [type, told] of toldConditions(this.#options.written?.(entry.name)))
        entry.since.set(type, told)
    const conditions = podConditions(status)
    const news = { status: podStatusObject(pod, status, this.#options), conditions }
    if (isDeepStrictEqual(news, entry.told)) return
    const timed = this.#timed(entry, conditions, pod)
    const answer = await this.#patch({ name: entry.name, uid: pod.uid }, news.status, timed)
    entry.told = news
    entry.endTold = status.phase === 'Succeeded' || status.phase === 'Failed'
    entry.toldVersion = versionOf(answer)
  }

  /** Mirrors are not ours to delete. A pod that cannot be read is all the same deleted by somebody. */
  #isToGo({ name, uid }: Entry): boolean {
    const pod = this.#options.pod(name, uid)
    if (pod === undefined) return isEnding(this.#options.written?.(name), uid)
    return pod !== 'later' && pod.uid === uid && pod.deletion !== undefined
  }

  /** It was deleted by force, or another pod has its name by now: 409 is what a wrong UID gives, among others. */
  #isGone(entry: Entry, error: unknown): boolean {
    if (!(error instanceof KubeError)) return false
    const pod = this.#options.pod(entry.name, entry.uid)
    if (error.status === 404) return pod === undefined || (pod !== 'later' && pod.uid === entry.uid)
    return error.status === 409 && pod === undefined
  }

  #timed(entry: Entry, conditions: readonly PodCondition[], { generation }: Pod): readonly object[] {
    const now = apiTime(Date.now())
    return conditions.map((condition) => {
      const before = entry.since.get(condition.type)
      const time = before?.status === condition.status ? before.time : now
      entry.since.set(condition.type, { status: condition.status, time })
      // Conditions are merged: what is not said again would stay.
      const told = { reason: null, message: null, ...condition }
      return { ...told, observedGeneration: generation, lastProbeTime: null, lastTransitionTime: time }
    })
  }

  /** The UID in it makes the server refuse the patch where another pod has the name by now. */
  #patch(
    { name, uid }: Pick<Entry, 'name' | 'uid'>,
    status: object,
    conditions: readonly object[],
  ): Promise<unknown> {
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

const isDue = ({ dueAt }: Entry): boolean => dueAt !== undefined && dueAt <= Date.now()

/** Somebody waits for it: a pod has begun, ended, become ready or unready, or does not get on. */
function isUrgent(before: PodStatus | undefined, now: PodStatus): boolean {
  if (before === undefined) return now.phase !== 'Pending' || obstacles(now) !== ''
  return (
    before.phase !== now.phase || readiness(before) !== readiness(now) || obstacles(before) !== obstacles(now)
  )
}

const readiness = (status: PodStatus): string | undefined =>
  podConditions(status).find(({ type }) => type === 'Ready')?.status

/** Why containers wait, where it is not that the pod is about to start. */
const obstacles = ({ initContainers, containers }: PodStatus): string =>
  [...initContainers, ...containers]
    .flatMap(({ name, state }) =>
      state.kind === 'waiting' && !BEGINNING.has(state.reason) ? [`${name} ${state.reason}`] : [],
    )
    .join()

const BEGINNING: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing'])

function podPath(pod: ObjectName): string {
  const { namespace, name } = splitObjectName(pod)
  return `/api/v1/namespaces/${namespace}/pods/${name}`
}
