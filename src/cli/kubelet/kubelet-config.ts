import type { BindAddress } from '../../config/bind-address.ts'
import type { NodeTaint } from '../../config/node-registration.ts'
import type { ReservedResources } from '../../kubelet/node/resources.ts'
import type { ClusterDns } from '../../kubelet/pods/pod-dns.ts'
import type { IpAddress } from '../../util/address.ts'
import type { NodeApiConfig } from './server-flags.ts'

/** What a cluster's kubelet was asked to do. */
export interface KubeletConfig {
  /** Absolute, like the state folder. */
  readonly kubeconfig: string
  readonly nodeName: string
  /** Empty: to be found out. */
  readonly nodeAddresses: readonly IpAddress[]
  readonly labels: ReadonlyMap<string, string>
  readonly taints: readonly NodeTaint[]
  readonly maxPods: number
  /** Kept back from pods. */
  readonly reserved: ReservedResources
  readonly endpoint: string
  readonly stateDir: string
  /** Of containers. */
  readonly logsDir: string
  /** Folder of static pods, absolute; undefined: there are none. */
  readonly manifests: string | undefined
  /** The cluster's DNS; without an address, pods ask the node's servers. */
  readonly clusterDns: ClusterDns
  /** How the node looks up names; empty: it does not; undefined: to be found out. */
  readonly resolvConf: string | undefined
  /** Undefined: served nowhere. */
  readonly health: BindAddress | undefined
  /** As {@link health}. */
  readonly nodeApi: NodeApiConfig | undefined
  readonly verbose: boolean
}

/** Requests a second to the API server in the long run and at once: the kubelet's own defaults. */
export const API_REQUESTS = { qps: 50, burst: 100 } as const
