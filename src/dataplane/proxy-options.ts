import type { Registry } from '../metrics/registry.ts'
import type { CountingEngine } from '../native/conntrack-events.ts'
import { type Cidr, familyOf, type IpAddress, type IpFamily } from '../util/address.ts'
import type { Logger } from '../util/logger.ts'
import type { IpvsOptions } from './desired/ipvs-options.ts'
import { DEFAULT_MASQUERADE_MARK, type FamilyConfig, type PodInterface } from './family-config.ts'
import type { IpvsSettings } from './ipvs/ipvs-config.ts'
import type { ProxyMode } from './proxy-modes.ts'

export interface ServiceProxyOptions {
  /** nftables by default. */
  readonly mode?: ProxyMode
  readonly families: readonly IpFamily[]
  /** Ranges of cluster IPs: addresses in them that no Service has are dropped. */
  readonly serviceCidrs: readonly Cidr[]
  /** Clients from outside of these are masqueraded towards cluster IPs; empty: none is. */
  readonly podCidrs: readonly Cidr[]
  /** Tells pods from other clients, by where they come in instead of by `podCidrs`. */
  readonly podInterface?: PodInterface
  /** Where node ports answer. */
  readonly nodeAddresses: readonly IpAddress[]
  /** In these families node ports answer at every address of the node, also at those to come; mode iptables only. */
  readonly nodePortsEverywhere?: readonly IpFamily[]
  /** Node ports answer the node itself at 127.0.0.1 too; mode iptables and IPv4 only. Not by default. */
  readonly localhostNodePorts?: boolean
  /** Endpoints with this `nodeName` are local. */
  readonly nodeName: string
  /** The node's label `topology.kubernetes.io/zone`; hints for zones do not apply without it. */
  readonly zone?: string
  /** Masquerade what pods send to outside of the pod and service CIDRs, when nobody else does. */
  readonly masqueradePodEgress: boolean
  /** Masquerade every connection to a cluster IP; other ways in follow their policy. */
  readonly masqueradeAll?: boolean
  /** The bit of packets' marks that asks for masquerade; kube-proxy's default, 0x4000, when absent. */
  readonly masqueradeMark?: number
  /** How IPVS treats Services whose annotations say nothing; round robin when absent. */
  readonly ipvs?: IpvsOptions
  /** For mode ipvs, and for what it leaves when another takes over; kube-proxy's defaults when absent. */
  readonly ipvsSettings?: IpvsSettings
  /** Path of the network namespace to work in; the process's own when absent. */
  readonly netns?: string
  /** Least time between the starts of two transactions of a family, 0 by default. */
  readonly minSyncPeriodMs?: number
  /**
   * Compare the kernel with what was committed this often, and at once when somebody else writes into our tables, and
   * repair what differs. Undefined: only when `audit` is called.
   */
  readonly auditIntervalMs?: number
  /** Count connections by Service, and delete those that lead to something gone; not by default. */
  readonly tracksConnections?: boolean
  /** Of these delete TCP connections too, so that another endpoint resets them; not by default. */
  readonly resetsStaleTcp?: boolean
  /** Who counts them: an eBPF program where the kernel lets it, else a thread that reads events. */
  readonly countingEngine?: CountingEngine
  /** So many Services have connection metrics of their own, those with the most connections; 100 by default. */
  readonly metricsServices?: number
  /** The same of endpoints. */
  readonly metricsEndpoints?: number
  readonly registry: Registry
  readonly log: Logger
}

/** What a backend of one family depends on besides the frontends. */
export const tableConfig = (options: ServiceProxyOptions, family: IpFamily): FamilyConfig => ({
  family,
  serviceCidrs: options.serviceCidrs.filter((cidr) => cidr.family === family),
  podCidrs: options.podCidrs.filter((cidr) => cidr.family === family),
  ...(options.podInterface === undefined ? {} : { podInterface: options.podInterface }),
  nodeAddresses: options.nodeAddresses.filter((address) => familyOf(address) === family),
  masqueradePodEgress: options.masqueradePodEgress,
  masqueradeAll: options.masqueradeAll ?? false,
  masqueradeMark: options.masqueradeMark ?? DEFAULT_MASQUERADE_MARK,
  nodePortsEverywhere: options.nodePortsEverywhere?.includes(family) ?? false,
  localhostNodePorts: options.localhostNodePorts ?? false,
})
