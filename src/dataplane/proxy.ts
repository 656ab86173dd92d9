import type { Registry } from '../metrics/registry.ts'
import type { Change } from '../model/change.ts'
import type { Problem } from '../model/problem.ts'
import { type Cidr, familyOf, type IpAddress, type IpFamily } from '../util/address.ts'
import type { Logger } from '../util/logger.ts'
import { Pacer } from '../util/pacer.ts'
import { DesiredCompiler } from './desired/compiler.ts'
import type { Frontend, FrontendChange } from './desired/frontend.ts'
import { DataplaneMetrics } from './metrics.ts'
import { NetlinkMetrics } from './netlink-metrics.ts'
import { NftablesBackend } from './nftables/nftables-backend.ts'
import { Reconciler } from './reconciler.ts'
import type { FrontendStatus, ProxyStatus } from './status.ts'

export interface ServiceProxyOptions {
  readonly families: readonly IpFamily[]
  /** Ranges of cluster IPs: addresses in them that no Service has are dropped. */
  readonly serviceCidrs: readonly Cidr[]
  /** Clients from outside of these are masqueraded towards cluster IPs; empty: none is. */
  readonly podCidrs: readonly Cidr[]
  /** Where node ports answer. */
  readonly nodeAddresses: readonly IpAddress[]
  /** Endpoints with this `nodeName` are local. */
  readonly nodeName: string
  /** Masquerade what pods send to outside of the pod and service CIDRs, when nobody else does. */
  readonly masqueradePodEgress: boolean
  /** Masquerade every connection to a Service. */
  readonly masqueradeAll?: boolean
  /** Path of the network namespace to work in; the process's own when absent. */
  readonly netns?: string
  /** Least time between the starts of two transactions of a family, 0 by default. */
  readonly minSyncPeriodMs?: number
  readonly registry: Registry
  readonly log: Logger
}

interface Family {
  readonly family: IpFamily
  readonly backend: NftablesBackend
  readonly reconciler: Reconciler
}

/**
 * The service proxy: Services and EndpointSlices in, balanced connections out. The kernel is first touched by the
 * first `apply`, which should carry the whole world as it is: it replaces whatever an earlier process left, in one
 * step, so that connections never notice.
 */
export class ServiceProxy {
  readonly #compiler: DesiredCompiler
  readonly #families: readonly Family[]
  readonly #metrics: DataplaneMetrics
  readonly #netlinkMetrics: NetlinkMetrics
  /** Changes that `apply` was given and the compiler has not seen yet. */
  #arrived: (readonly Change[])[] = []
  #compiling: Promise<void> | undefined

  private constructor(options: ServiceProxyOptions, backends: ReadonlyMap<IpFamily, NftablesBackend>) {
    this.#compiler = new DesiredCompiler(options)
    this.#metrics = new DataplaneMetrics(options.registry)
    this.#netlinkMetrics = new NetlinkMetrics(options.registry)
    this.#families = [...backends].map(([family, backend]) => {
      this.#netlinkMetrics.add(`nftables-${family}`, () => backend.stats())
      const reconciler = new Reconciler({
        family,
        backend,
        minSyncPeriodMs: options.minSyncPeriodMs ?? 0,
        metrics: this.#metrics.family(family, () => backend.objects()),
        log: options.log,
      })
      return { family, backend, reconciler }
    })
  }

  /**
   * Opens what talks to the kernel, one socket a family, and changes nothing yet. Rejects with a DataplaneError:
   * NO_PERMISSION, NO_NFTABLES or NETNS_UNAVAILABLE.
   */
  static async open(options: ServiceProxyOptions): Promise<ServiceProxy> {
    const backends = new Map<IpFamily, NftablesBackend>()
    try {
      for (const family of options.families) {
        backends.set(family, await NftablesBackend.open(tableConfig(options, family), options.netns))
      }
      return new ServiceProxy(options, backends)
    } catch (error) {
      for (const backend of backends.values()) await backend.close()
      throw error
    }
  }

  /** Takes in changes that belong together; returns at once. See `synced` for when they are in force. */
  apply(changes: readonly Change[]): void {
    this.#arrived.push(changes)
    this.#compiling ??= this.#compile().finally(() => {
      this.#compiling = undefined
    })
  }

  /**
   * Settles when everything applied so far is in the kernel. Rejects with a DataplaneError when some of it is not and
   * is being tried again with back-off; waits for ever before the first `apply`.
   */
  async synced(): Promise<void> {
    while (this.#compiling !== undefined) await this.#compiling
    await Promise.all(this.#families.map(({ reconciler }) => reconciler.synced()))
  }

  status(): ProxyStatus {
    const families = this.#families.map(({ reconciler }) => ({
      mode: 'nftables' as const,
      ...reconciler.status(),
    }))
    const refused = families.flatMap(({ family, refused }) =>
      [...refused].map(([key, error]): Problem => {
        const service = this.#compiler.frontends(family).get(key)?.service
        return {
          place: service === undefined ? `frontend ${key}` : `Service ${service}`,
          severity: 'error',
          reason: `the kernel refuses frontend ${key}: ${error.message}`,
        }
      }),
    )
    return {
      families,
      frontends: this.#families.flatMap((family) => this.#frontendStatus(family)).sort(byService),
      problems: [...this.#compiler.problems(), ...refused],
    }
  }

  /**
   * Compares the kernel with what was committed and makes our table anew where somebody else changed it. Returns the
   * differences in words. Rejects as `synced` does, and with a NetlinkError when the kernel cannot be read.
   */
  async audit(): Promise<readonly string[]> {
    while (this.#compiling !== undefined) await this.#compiling
    const found: string[] = []
    for (const { reconciler } of this.#families) found.push(...(await reconciler.audit()))
    return found
  }

  /** Ends the work and removes our tables, nothing else. Only `close` may follow. */
  async cleanup(): Promise<void> {
    await this.#stop()
    for (const { backend } of this.#families) await backend.remove()
  }

  /** Ends the work and leaves the rules in force. Idempotent. */
  async close(): Promise<void> {
    await this.#stop()
    for (const { backend } of this.#families) await backend.close()
    this.#metrics.close()
    this.#netlinkMetrics.close()
  }

  async #stop(): Promise<void> {
    while (this.#compiling !== undefined) await this.#compiling
    for (const { reconciler } of this.#families) await reconciler.stop()
  }

  /** Compiles all that is dirty, a slice of the event loop at a time, and hands it over as one piece. */
  async #compile(): Promise<void> {
    // A turn of the microtask queue lets several `apply` calls of one turn become one transaction.
    await undefined
    const pacer = new Pacer()
    const changes: FrontendChange[] = []
    while (this.#arrived.length > 0 || this.#compiler.dirty > 0) {
      await this.#takeIn(pacer)
      for (const change of this.#compiler.compile(() => !pacer.due())) changes.push(change)
      if (this.#compiler.dirty > 0) await pacer.pause()
    }
    for (const { family, reconciler } of this.#families)
      reconciler.change(changes.filter((change) => change.family === family))
  }

  async #takeIn(pacer: Pacer): Promise<void> {
    const arrived = this.#arrived
    this.#arrived = []
    for (const change of arrived.flat()) {
      if (change.kind === 'Service') this.#metrics.serviceChanged()
      else if (change.kind === 'EndpointSlice') this.#metrics.endpointsChanged()
      this.#compiler.apply(change)
      if (pacer.due()) await pacer.pause()
    }
  }

  #frontendStatus({ family, reconciler }: Family): FrontendStatus[] {
    const describe = (frontend: Frontend): FrontendStatus => ({
      service: frontend.service,
      portName: frontend.portName,
      kind: frontend.kind,
      address: frontend.address,
      protocol: frontend.protocol,
      port: frontend.port,
      endpoints: frontend.endpoints.length,
      inForce: reconciler.isInForce(frontend.key),
    })
    return [...this.#compiler.frontends(family).values()].map(describe)
  }
}

const tableConfig = (options: ServiceProxyOptions, family: IpFamily) => ({
  family,
  serviceCidrs: options.serviceCidrs.filter((cidr) => cidr.family === family),
  podCidrs: options.podCidrs.filter((cidr) => cidr.family === family),
  nodeAddresses: options.nodeAddresses.filter((address) => familyOf(address) === family),
  masqueradePodEgress: options.masqueradePodEgress,
  masqueradeAll: options.masqueradeAll ?? false,
})

function byService(a: FrontendStatus, b: FrontendStatus): number {
  if (a.service !== b.service) return a.service < b.service ? -1 : 1
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1
  return a.port - b.port
}
