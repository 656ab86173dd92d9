import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '../../kube/client.ts'
import { KubeError } from '../../kube/error.ts'
import { type ObjectName, splitObjectName } from '../../model/object-name.ts'
import type { Pod } from '../../model/pod.ts'
import { type Backoff, backoffDelay } from '../../util/backoff.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'

/** On a mirror: the hash of the static pod that it shows (pkg/kubelet/types/pod_update.go). */
const MIRROR = 'kubernetes.io/config.mirror'

/** A pod of this node's folder, as it is to be shown. */
export interface MirroredPod {
  readonly uid: string
  /** As the API server would have it. */
  readonly object: Readonly<Record<string, unknown>>
}

export interface MirrorPodsOptions {
  readonly client: Pick<KubeClient, 'json'>
  readonly nodeName: string
  /** Undefined while the Node is not registered. */
  readonly nodeUid: () => string | undefined
  /** The static pod of this name. */
  readonly wanted: (name: ObjectName) => MirroredPod | undefined
  /** The pod of this name that the API server has. */
  readonly found: (name: ObjectName) => Pod | undefined
  readonly log: Logger
  readonly backoff?: Backoff
}

const RETRY: Backoff = { firstMs: 500, maxMs: 30_000 }

/** A pod at the API server that only shows what runs: nobody runs it, and to delete it ends nothing. */
export const isMirror = ({ annotations }: Pod): boolean => annotations.has(MIRROR)

/** Whether it shows this very static pod. */
export const mirrors = (mirror: Pod, uid: string): boolean =>
  mirror.annotations.get(MIRROR) === uid && mirror.deletion === undefined

/**
 * Shows the node's own pods at the API server. A mirror that somebody deletes is made anew, one of a changed file is
 * replaced, one of a file that is gone goes.
 */
export class MirrorPods {
  readonly #options: MirrorPodsOptions
  readonly #abort = new AbortController()
  readonly #working = new Map<ObjectName, Promise<void>>()
  /** Looked at again once the look under way is over. */
  readonly #again = new Set<ObjectName>()

  constructor(options: MirrorPodsOptions) {
    this.#options = options
  }

  /** Something about the static pod or the mirror of this name has changed. Returns at once. */
  look(name: ObjectName): void {
    if (this.#abort.signal.aborted) return
    if (this.#working.has(name)) {
      this.#again.add(name)
      return
    }
    const work = this.#settle(name).finally(() => {
      this.#working.delete(name)
      if (this.#again.delete(name)) this.look(name)
    })
    this.#working.set(name, work)
  }

  /** Mirrors stay as they are: the next process finds them. */
  async close(): Promise<void> {
    this.#abort.abort()
    await Promise.all(this.#working.values())
  }

  /** Never rejects. */
  async #settle(name: ObjectName): Promise<void> {
    const { log, backoff = RETRY } = this.#options
    const { signal } = this.#abort
    for (let failures = 0; !signal.aborted; ) {
      try {
        return await this.#step(name)
      } catch (error) {
        if (signal.aborted) return
        if (++failures === 2)
          log.warn(
            { pod: name, error: errorMessage(error) },
            'A static pod cannot be shown at the API server',
          )
        await sleep(backoffDelay(backoff, failures), undefined, { signal }).catch(() => undefined)
      }
    }
  }

  async #step(name: ObjectName): Promise<void> {
    const wanted = this.#options.wanted(name)
    const found = this.#options.found(name)
    if (found === undefined) {
      if (wanted !== undefined) await this.#create(name, wanted)
      return
    }
    // A pod that is somebody's own has the name: the watch tells when it is free.
    if (!isMirror(found)) return
    if (wanted === undefined || !mirrors(found, wanted.uid)) await this.#delete(name, found.uid)
  }

  async #create(name: ObjectName, { uid, object }: MirroredPod): Promise<void> {
    const { client, nodeName, nodeUid } = this.#options
    const owner = nodeUid()
    if (owner === undefined) throw new Error(`node ${nodeName} is not registered yet`)
    const metadata = record(object.metadata)
    const { uid: _, ...kept } = metadata
    await client
      .json({
        method: 'POST',
        path: podsPath(name),
        body: {
          ...object,
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: {
            ...kept,
            annotations: { ...record(metadata.annotations), [MIRROR]: uid },
            // Without its Node as the owner, no node may make one (KEP-1314).
            ownerReferences: [
              { apiVersion: 'v1', kind: 'Node', name: nodeName, uid: owner, controller: true },
            ],
          },
        },
        signal: this.#abort.signal,
      })
      // It is there, and the watch will say so.
      .catch(ignore(409))
  }

  async #delete(name: ObjectName, uid: string): Promise<void> {
    await this.#options.client
      .json({
        method: 'DELETE',
        path: `${podsPath(name)}/${splitObjectName(name).name}`,
        body: { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } },
        signal: this.#abort.signal,
      })
      .catch(ignore(404, 409))
  }
}

const podsPath = (name: ObjectName): string => `/api/v1/namespaces/${splitObjectName(name).namespace}/pods`

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}

const ignore =
  (...statuses: readonly number[]) =>
  (error: unknown): void => {
    if (!(error instanceof KubeError) || error.status === undefined || !statuses.includes(error.status))
      throw error
  }
