import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '../../kube/client.ts'
import { KubeError } from '../../kube/error.ts'
import { isRecord } from '../../kube/kube-object.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'

/** KEP-589, and the kubelet's own: the node controller gives a node up after about as long. */
export const LEASE_SECONDS = 40
const RENEW_MS = 10_000
/** After a failure, in ms; doubled up to the period. */
const FIRST_RETRY_MS = 200

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'

/** Where the Lease of a node is. */
const leasePath = (nodeName: string): string => `${LEASES}/${nodeName}`

export interface NodeLeaseOptions {
  /** Of its own: a heartbeat must not wait in the line of other requests. */
  readonly client: Pick<KubeClient, 'json'>
  readonly nodeName: string
  /** UID of the Node, whose end is the Lease's. */
  readonly nodeUid: () => string | undefined
  readonly log: Logger
  readonly renewMs?: number
}

/** The node's heartbeat: a Lease in `kube-node-lease` that is renewed as long as this lives. */
export class NodeLease {
  readonly #options: NodeLeaseOptions
  readonly #abort = new AbortController()
  readonly #running: Promise<void>
  /** As the API server has it; undefined when that is not known. */
  #lease: Readonly<Record<string, unknown>> | undefined
  #renewedAt: number | undefined

  constructor(options: NodeLeaseOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  /** ms since the epoch of the last heartbeat that arrived; undefined before the first. */
  get renewedAt(): number | undefined {
    return this.#renewedAt
  }

  /** The Lease stays, and tells by its age that the node is gone. */
  close(): Promise<void> {
    this.#abort.abort()
    return this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort
    const { log, renewMs = RENEW_MS } = this.#options
    let failures = 0
    while (!signal.aborted) {
      try {
        await this.#renew()
        this.#renewedAt = Date.now()
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        this.#lease = undefined
        failures++
        // A conflict is settled by looking again; everything else lasts, and is said once.
        if (failures === 2)
          log.warn({ error: errorMessage(error) }, 'The heartbeat of the node does not arrive')
      }
      const wait = failures === 0 ? renewMs : Math.min(renewMs, FIRST_RETRY_MS * 2 ** failures)
      await sleep(wait, undefined, { signal }).catch(() => undefined)
    }
  }

  async #renew(): Promise<void> {
    const { client, nodeName } = this.#options
    const signal = this.#abort.signal
    const path = leasePath(nodeName)
    this.#lease ??= await this.#find(path)
    const answer =
      this.#lease === undefined
        ? await client.json({ method: 'POST', path: LEASES, body: this.#filled({}), signal })
        : await client.json({ method: 'PUT', path, body: this.#filled(this.#lease), signal })
    this.#lease = isRecord(answer) ? answer : undefined
  }

  async #find(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    try {
      const found = await this.#options.client.json({ path, signal: this.#abort.signal })
      return isRecord(found) ? found : undefined
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined
      throw error
    }
  }

  /** The Lease with a heartbeat of now; a PUT is refused when somebody else wrote in between. */
  #filled(lease: Readonly<Record<string, unknown>>): object {
    const { nodeName, nodeUid } = this.#options
    const uid = nodeUid()
    const owner =
      uid === undefined ? {} : { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }] }
    return {
      ...lease,
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...(isRecord(lease.metadata) ? lease.metadata : {}), name: nodeName, ...owner },
      spec: {
        holderIdentity: nodeName,
        leaseDurationSeconds: LEASE_SECONDS,
        // meta/v1 MicroTime.
        renewTime: new Date().toISOString().replace('Z', '000Z'),
      },
    }
  }
}

/** Somebody renews the Lease of the node `nodeName`. */
export async function isHeartbeatFresh(
  client: Pick<KubeClient, 'json'>,
  nodeName: string,
  signal: AbortSignal,
): Promise<boolean> {
  const lease = await client.json({ path: leasePath(nodeName), signal }).catch((error: unknown) => {
    if (error instanceof KubeError && error.status === 404) return undefined
    throw error
  })
  const spec = isRecord(lease) && isRecord(lease.spec) ? lease.spec : {}
  const seconds = typeof spec.leaseDurationSeconds === 'number' ? spec.leaseDurationSeconds : 0
  return Date.now() - Date.parse(String(spec.renewTime)) < seconds * 1000
}
