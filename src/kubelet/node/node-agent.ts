import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { KubeClient } from '../../kube/client.ts'
import { KubeError } from '../../kube/error.ts'
import type { EventReport } from '../../kube/event-series.ts'
import { Reflector } from '../../kube/reflector.ts'
import { type Backoff, backoffDelay } from '../../util/backoff.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { apiTime } from '../api/api-time.ts'
import { type HealthReport, type NodeCondition, nodeConditions } from './conditions.ts'
import { type ExistingCondition, type ExistingNode, existingNode } from './existing-node.ts'
import { NodeError } from './node-error.ts'
import { conditionEvent, rebootEvent, startEvent } from './node-events.ts'
import type { NodeImage } from './node-images.ts'
import { type NodeIdentity, nodeStatus, type RuntimeDescription, withoutGonePages } from './node-object.ts'
import { registerNode } from './registration.ts'

export interface NodeAgentOptions {
  readonly client: KubeClient
  readonly identity: NodeIdentity
  /** Asked before every report. */
  readonly health: () => HealthReport
  readonly runtime: () => RuntimeDescription
  /**
   * Asked when a node that is ready tells something anyway: images come and go with every pod, and nobody needs to know at
   * once. When it rejects or takes its time, the Node's list stays as it is.
   */
  readonly images: () => Promise<readonly NodeImage[]>
  /** Hears what people are to be told of the node. Must not throw. */
  readonly onEvent: (event: EventReport) => void
  readonly log: Logger
  /** How often `health` is asked (nodeStatusUpdateFrequency). */
  readonly checkMs?: number
  /** How long a status that does not change stays untold (nodeStatusReportFrequency). */
  readonly reportMs?: number
}

/** The kubelet's own defaults for both. */
export const CHECK_MS = 10_000
export const REPORT_MS = 300_000
/** What looking around takes at most, in ms; the kubelet's pods and the proxy's rules are read meanwhile. */
const SETTLE_MS = 10_000
/** How long a report waits for the list of images, in ms. */
const IMAGES_MS = 2_000
/** Up to the 7 s of the kubelet (kubelet_node_status.go): who comes back should find its nodes. */
const RETRY: Backoff = { firstMs: 200, maxMs: 7_000 }

type DatedCondition = NodeCondition & { readonly since: string }

/**
 * Makes the machine a Node of the cluster, and says how it is. A Node that somebody deletes is made anew; one that was
 * given up while its heartbeat did not arrive is told again as it is.
 */
export class NodeAgent {
  readonly #options: NodeAgentOptions
  readonly #path: string
  readonly #abort = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #watch: Reflector<ExistingNode> | undefined
  readonly #followers: ((written: unknown) => void)[] = []
  /** As it was written last; undefined: it is gone. */
  #written: unknown
  #woken = false
  #wake: () => void = () => undefined
  #isGone = false
  /** As it was found or made. */
  #node: ExistingNode | undefined
  /** As the watch has it. */
  #heard: ExistingNode | undefined
  /** As they were told, with the times of their last change. */
  #conditions: ReadonlyMap<string, ExistingCondition> = new Map()
  #told: unknown
  #toldAt = Number.NEGATIVE_INFINITY
  /** Of the Node with what was told last: what is heard of older ones is no news. */
  #toldVersion = 0n
  #isTelling = false

  constructor(options: NodeAgentOptions) {
    this.#options = options
    this.#path = `/api/v1/nodes/${options.identity.name}`
  }

  /** Of the Node; undefined before it is registered. */
  get uid(): string | undefined {
    return this.#node?.uid
  }

  /**
   * Registers the Node, and begins to report how it is. Tries until the API server takes it; rejects with a NodeError when
   * the name is another machine's, and with the signal's reason.
   */
  async start(signal?: AbortSignal): Promise<void> {
    const { log } = this.#options
    const stop = AbortSignal.any([this.#abort.signal, ...(signal === undefined ? [] : [signal])])
    let said: string | undefined
    for (let failures = 0; ; ) {
      try {
        await this.#register()
        break
      } catch (error) {
        if (error instanceof NodeError) throw error
        stop.throwIfAborted()
        const message = errorMessage(error)
        if (message !== said)
          log.error({ error: message }, 'The node cannot be registered yet; it is tried again')
        said = message
        await sleep(backoffDelay(RETRY, ++failures), undefined, { signal: stop })
      }
    }
    this.#announce()
    this.#running = this.#run()
    this.#watch = this.#follow()
  }

  /** Calls back with the Node as it is written, or without one: once that is known, then whenever it changes. */
  followNode(follower: (written: unknown) => void): void {
    this.#followers.push(follower)
    if (this.#watch?.synced) follower(this.#written)
  }

  #announce(): void {
    const { onEvent, identity } = this.#options
    const { bootId } = identity.machine
    onEvent(startEvent(identity.name))
    const before = this.#node?.bootId ?? ''
    if (before !== '' && before !== bootId) onEvent(rebootEvent(identity.name, bootId))
  }

  /** Something about the node has changed: it is told now. */
  changed(): void {
    this.#woken = true
    this.#wake()
  }

  /** The Node stays, and is found not ready once its heartbeat is missed. */
  async close(): Promise<void> {
    this.#abort.abort()
    this.#wake()
    await Promise.all([this.#running, this.#watch?.close()])
  }

  async #run(): Promise<void> {
    const { checkMs = CHECK_MS, log } = this.#options
    const { signal } = this.#abort
    await this.#settle()
    for (let failures = 0; !signal.aborted; ) {
      try {
        if (this.#isGone) {
          log.warn({}, 'The Node object was deleted: making it anew')
          await this.#register()
          this.#isGone = false
        }
        await this.#report()
        failures = 0
      } catch (error) {
        if (error instanceof KubeError && error.status === 404) this.#isGone = true
        this.#toldAt = Number.NEGATIVE_INFINITY
        if (failures++ === 0 && !signal.aborted)
          log.warn({ error: errorMessage(error) }, "The node's status does not arrive")
      }
      if (signal.aborted) return
      await this.#rest(failures === 0 ? checkMs : Math.min(checkMs, backoffDelay(RETRY, failures)))
    }
  }

  /**
   * A Node that its last process left ready stays so while this one looks around: pods of a node that is not ready are
   * taken out of their Services.
   */
  async #settle(): Promise<void> {
    const { signal } = this.#abort
    const deadline = Date.now() + SETTLE_MS
    const wasReady = this.#node?.conditions.get('Ready')?.status === 'True'
    while (wasReady && !signal.aborted && this.#options.health().notReady !== undefined) {
      const left = deadline - Date.now()
      if (left <= 0) return
      await this.#rest(left)
    }
  }

  async #rest(ms: number): Promise<void> {
    // What changed while something else was told is told now.
    if (!this.#woken) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      const waking = new AbortController()
      await Promise.race([woken, sleep(ms, undefined, { signal: waking.signal }).catch(() => undefined)])
      waking.abort()
    }
    this.#woken = false
  }

  /** Hears when the Node is deleted, or said to be as it is not: the node controller gives up who is not heard of. */
  #follow(): Reflector<ExistingNode> {
    const { client, identity, log } = this.#options
    return new Reflector<ExistingNode>({
      client,
      collection: {
        path: '/api/v1/nodes',
        apiVersion: 'v1',
        kind: 'Node',
        fieldSelector: `metadata.name=${identity.name}`,
      },
      decode: ({ written }) => {
        this.#written = written
        return existingNode(written)
      },
      onGone: () => {
        this.#written = undefined
        this.#isGone = true
        this.changed()
      },
      onChanges: (changes) => {
        for (const { value } of changes) this.#heard = value
        for (const follow of this.#followers) follow(this.#written)
        this.#compare()
      },
      log,
    })
  }

  #compare(): void {
    const heard = this.#heard
    // What is on its way may be the very thing that is heard of.
    if (this.#isTelling || heard === undefined || heard.version <= this.#toldVersion) return
    const isSaid = ([type, { status }]: readonly [string, ExistingCondition]) =>
      heard.conditions.get(type)?.status === status
    if ([...this.#conditions].every(isSaid)) return
    this.#toldAt = Number.NEGATIVE_INFINITY
    this.changed()
  }

  async #register(): Promise<void> {
    const { client, identity, log } = this.#options
    this.#node = await registerNode({ client, identity, log, signal: this.#abort.signal })
    // Since when it has been as it says: a restart of this process is no change of it.
    this.#conditions = this.#node.conditions
    this.#told = undefined
  }

  /** Tells the status if it is news, or has not been told for long. */
  async #report(): Promise<void> {
    const { client, identity, health, runtime, reportMs = REPORT_MS } = this.#options
    const now = Date.now()
    const time = apiTime(now)
    const report = health()
    const conditions = nodeConditions(report).map((condition): DatedCondition => {
      const before = this.#conditions.get(condition.type)
      return { ...condition, since: before?.status === condition.status ? before.since : time }
    })
    const news = { status: nodeStatus(identity, runtime()), conditions }
    if (isDeepStrictEqual(news, this.#told) && now - this.#toldAt < reportMs) return
    const images = report.notReady === undefined ? await this.#images() : undefined
    const written = conditions.map(({ since, ...condition }) => ({
      ...condition,
      lastHeartbeatTime: time,
      lastTransitionTime: since,
    }))
    const there = this.#node?.resources ?? []
    this.#isTelling = true
    try {
      const answer = await client.json({
        method: 'PATCH',
        path: `${this.#path}/status`,
        // Conditions are merged by type, so that those of others stay.
        contentType: 'application/strategic-merge-patch+json',
        body: { status: { ...withoutGonePages(news.status, there), images, conditions: written } },
        signal: this.#abort.signal,
      })
      this.#toldVersion = existingNode(answer).version
    } finally {
      this.#isTelling = false
    }
    const before = this.#conditions
    this.#conditions = new Map(conditions.map((condition) => [condition.type, condition]))
    for (const condition of conditions)
      if (before.get(condition.type)?.status !== condition.status)
        this.#options.onEvent(conditionEvent(identity.name, condition))
    this.#told = news
    this.#toldAt = now
    this.#compare()
  }

  /** Undefined when they cannot be had in time: a runtime that hangs must not keep the node from saying so. */
  async #images(): Promise<readonly NodeImage[] | undefined> {
    const limit = new AbortController()
    const late = sleep(IMAGES_MS, undefined, { signal: limit.signal }).catch(() => undefined)
    const images = await Promise.race([this.#options.images().catch(() => undefined), late])
    limit.abort()
    return images
  }
}
