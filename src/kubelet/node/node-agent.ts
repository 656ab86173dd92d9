import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { KubeClient } from '../../kube/client.ts'
import { KubeError } from '../../kube/error.ts'
import { isRecord } from '../../kube/kube-object.ts'
import { type Backoff, backoffDelay } from '../../util/backoff.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { apiTime } from '../api/api-time.ts'
import { leasePath } from './lease.ts'
import { NodeError } from './node-error.ts'
import {
  type NodeCondition,
  type NodeHealth,
  type NodeIdentity,
  nodeConditions,
  nodeLabels,
  nodeObject,
  nodeStatus,
} from './node-object.ts'

export interface NodeAgentOptions {
  readonly client: Pick<KubeClient, 'json'>
  readonly identity: NodeIdentity
  /** Asked before every report. */
  readonly health: () => NodeHealth
  readonly log: Logger
  /** How often `health` is asked (nodeStatusUpdateFrequency). */
  readonly checkMs?: number
  /** How long a status that does not change stays untold (nodeStatusReportFrequency). */
  readonly reportMs?: number
}

const CHECK_MS = 10_000
const REPORT_MS = 300_000
const RETRY: Backoff = { firstMs: 200, maxMs: 30_000 }

/** Makes the machine a Node of the cluster, and says how it is. A Node that somebody deletes is made anew. */
export class NodeAgent {
  readonly #options: NodeAgentOptions
  readonly #path: string
  readonly #abort = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #wake: () => void = () => undefined
  #uid: string | undefined
  /** With the times of their last change. */
  #conditions: ReadonlyMap<string, Pick<NodeCondition, 'status'> & { readonly since: string }> = new Map()
  #told: unknown
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(options: NodeAgentOptions) {
    this.#options = options
    this.#path = `/api/v1/nodes/${options.identity.name}`
  }

  /** Of the Node; undefined before it is registered. */
  get uid(): string | undefined {
    return this.#uid
  }

  /**
   * Registers the Node and goes on reporting. Tries until the API server takes it; rejects with a NodeError when the name
   * is another machine's, and with the signal's reason.
   */
  async start(signal?: AbortSignal): Promise<void> {
    const { log } = this.#options
    const stop = AbortSignal.any([this.#abort.signal, ...(signal === undefined ? [] : [signal])])
    for (let failures = 0; ; ) {
      try {
        await this.#register()
        await this.#report()
        break
      } catch (error) {
        if (error instanceof NodeError) throw error
        stop.throwIfAborted()
        if (failures++ === 0) log.error({ error: errorMessage(error) }, 'The node cannot be registered yet')
        await sleep(backoffDelay(RETRY, failures), undefined, { signal: stop })
      }
    }
    this.#running = this.#run()
  }

  /** Something about the node's health has changed: it is told now. */
  changed(): void {
    this.#wake()
  }

  /** The Node stays, and is found not ready once its heartbeat is missed. */
  close(): Promise<void> {
    this.#abort.abort()
    this.#wake()
    return this.#running
  }

  async #run(): Promise<void> {
    const { checkMs = CHECK_MS, log } = this.#options
    const { signal } = this.#abort
    let failures = 0
    while (!signal.aborted) {
      await this.#rest(failures === 0 ? checkMs : Math.min(checkMs, backoffDelay(RETRY, failures)))
      if (signal.aborted) return
      try {
        await this.#report()
        failures = 0
      } catch (error) {
        if (error instanceof KubeError && error.status === 404) {
          log.warn({}, 'The Node object was deleted: making it anew')
          await this.#register().catch(() => undefined)
        }
        this.#toldAt = Number.NEGATIVE_INFINITY
        if (failures++ === 0) log.warn({ error: errorMessage(error) }, "The node's status does not arrive")
      }
    }
  }

  async #rest(ms: number): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    const waking = new AbortController()
    await Promise.race([woken, sleep(ms, undefined, { signal: waking.signal }).catch(() => undefined)])
    waking.abort()
  }

  /** Makes the Node, or takes over the one that is there. */
  async #register(): Promise<void> {
    const { client, identity, log } = this.#options
    const signal = this.#abort.signal
    try {
      const made = await client.json({
        method: 'POST',
        path: '/api/v1/nodes',
        body: nodeObject(identity),
        signal,
      })
      this.#uid = uidOf(made)
      log.info({ node: identity.name }, 'The node is registered')
    } catch (error) {
      if (!(error instanceof KubeError) || error.status !== 409) throw error
      await this.#takeOver()
    }
  }

  async #takeOver(): Promise<void> {
    const { client, identity } = this.#options
    const signal = this.#abort.signal
    const found = await client.json({ path: this.#path, signal })
    if (await this.#livesElsewhere(found))
      throw new NodeError(
        'NODE_NAME_TAKEN',
        `the node name ${identity.name} is held by another machine that is alive ` +
          '(give this one another with --hostname-override, or delete the Node once that machine is off)',
      )
    this.#uid = uidOf(found)
    this.#conditions = conditionsOf(found)
    const labels = nodeLabels(identity)
    const there = isRecord(found) && isRecord(found.metadata) ? found.metadata.labels : undefined
    const missing = Object.entries(labels).filter(([key, value]) => !isRecord(there) || there[key] !== value)
    if (missing.length === 0) return
    await client.json({
      ...{ method: 'PATCH', path: this.#path, signal, contentType: 'application/merge-patch+json' },
      body: { metadata: { labels: Object.fromEntries(missing) } },
    })
  }

  /** The Node is one of another machine, whose heartbeat is fresh. */
  async #livesElsewhere(node: unknown): Promise<boolean> {
    const { client, identity } = this.#options
    const status = isRecord(node) ? node.status : undefined
    const info = isRecord(status) && isRecord(status.nodeInfo) ? status.nodeInfo : {}
    const { machineId, systemUuid } = identity.machine
    const same = (info.machineID ?? '') === machineId && (info.systemUUID ?? '') === systemUuid
    if (same || (info.machineID ?? '') === '') return false
    const lease = await client
      .json({ path: leasePath(identity.name), signal: this.#abort.signal })
      .catch((error: unknown) => {
        if (error instanceof KubeError && error.status === 404) return undefined
        throw error
      })
    const spec = isRecord(lease) && isRecord(lease.spec) ? lease.spec : {}
    const renewed = Date.parse(String(spec.renewTime))
    const seconds = typeof spec.leaseDurationSeconds === 'number' ? spec.leaseDurationSeconds : 0
    return Date.now() - renewed < seconds * 1000
  }

  /** Tells the status if it is news, or has not been told for long. */
  async #report(): Promise<void> {
    const { client, identity, health, reportMs = REPORT_MS } = this.#options
    const now = Date.now()
    const time = apiTime(now)
    const conditions = nodeConditions(health()).map((condition) => {
      const before = this.#conditions.get(condition.type)
      return { ...condition, since: before?.status === condition.status ? before.since : time }
    })
    const news = { status: nodeStatus(identity), conditions }
    if (isDeepStrictEqual(news, this.#told) && now - this.#toldAt < reportMs) return
    const written = conditions.map(({ since, ...condition }) => ({
      ...condition,
      lastHeartbeatTime: time,
      lastTransitionTime: since,
    }))
    await client.json({
      method: 'PATCH',
      path: `${this.#path}/status`,
      // Conditions are merged by type, so that those of others stay.
      contentType: 'application/strategic-merge-patch+json',
      body: { status: { ...news.status, conditions: written } },
      signal: this.#abort.signal,
    })
    this.#conditions = new Map(conditions.map((condition) => [condition.type, condition]))
    this.#told = news
    this.#toldAt = now
  }
}

/** Since when the Node has been as it says: a restart of this process is no change of it. */
function conditionsOf(node: unknown): ReadonlyMap<string, { status: 'True' | 'False'; since: string }> {
  const status = isRecord(node) && isRecord(node.status) ? node.status : {}
  const conditions = Array.isArray(status.conditions) ? status.conditions : []
  return new Map(
    conditions
      .filter(isRecord)
      .flatMap(({ type, status, lastTransitionTime }) =>
        typeof lastTransitionTime === 'string' && (status === 'True' || status === 'False')
          ? [[String(type), { status, since: lastTransitionTime }] as const]
          : [],
      ),
  )
}

const uidOf = (object: unknown): string | undefined =>
  isRecord(object) && isRecord(object.metadata) && typeof object.metadata.uid === 'string'
    ? object.metadata.uid
    : undefined
