import { type BindAddress, parseBindAddress } from '../../config/bind-address.ts'
import { parseCidrPair } from '../../config/cidr-pair.ts'
import { parseDuration } from '../../config/duration.ts'
import type { KubeProxyConfiguration } from '../../config/kube-proxy/configuration.ts'
import { hostNodeName, parseNodeName } from '../../config/node-name.ts'
import {
  includesLocalhost,
  type NodePortAddresses,
  parseNodePortAddresses,
} from '../../config/node-port-addresses.ts'
import type { ConntrackSettings } from '../../dataplane/conntrack/sysctls.ts'
import type { PodInterface } from '../../dataplane/family-config.ts'
import type { IpvsSettings } from '../../dataplane/ipvs/ipvs-config.ts'
import { PROXY_MODES, type ProxyMode } from '../../dataplane/proxy-modes.ts'
import type { CountingEngine } from '../../native/conntrack-events.ts'
import { type Cidr, type IpAddress, parseAddress, parseCidr } from '../../util/address.ts'
import type { ApiAccess } from './api-client.ts'

/** Where Services come from. */
export type SourceConfig =
  | { readonly kind: 'folder' /** Absolute. */; readonly folder: string }
  | ({ readonly kind: 'api' } & ApiAccess)

/** What the command line says and KubeProxyConfiguration has no field for. */
export interface OwnSettings {
  /** Absolute; undefined: an API server is the source. */
  readonly folder: string | undefined
  /** Takes the place of the server's URL in the kubeconfig. */
  readonly master: URL | undefined
  /** Undefined: that of a test cluster for a folder, and what the API server says otherwise. */
  readonly serviceCidrs: readonly Cidr[] | undefined
  /** Connections to endpoints that are gone are reset at their next packet. */
  readonly resetsStaleTcp: boolean
  readonly countingEngine: CountingEngine
  /** Services and endpoints with connection metrics of their own. */
  readonly metricsServices: number
  readonly metricsEndpoints: number
  /** Absolute. */
  readonly stateDir: string
  readonly verbose: boolean
}

/** What `hawser proxy` was asked to do. */
export interface ProxyConfig {
  readonly source: SourceConfig
  readonly mode: ProxyMode
  /** Whose podCIDRs tell pods from others: `podCidrs`, or the Node's. */
  readonly detectLocal: 'ClusterCIDR' | 'NodeCIDR'
  readonly podCidrs: readonly Cidr[]
  /** Tells pods from others by where they come in; undefined: their addresses do. */
  readonly podInterface: PodInterface | undefined
  /** Undefined: what the API server says. */
  readonly serviceCidrs: readonly Cidr[] | undefined
  readonly nodePortAddresses: NodePortAddresses
  /** Node ports answer the node itself at 127.0.0.1 too. */
  readonly localhostNodePorts: boolean
  readonly nodeName: string
  /** The node's primary address, where its Node is not to say; undefined: it is. */
  readonly nodeAddress: IpAddress | undefined
  /** Undefined: served nowhere. */
  readonly metrics: BindAddress | undefined
  readonly health: BindAddress | undefined
  /** An address that cannot be had ends the process. */
  readonly bindHardFail: boolean
  readonly minSyncPeriodMs: number
  readonly auditIntervalMs: number
  readonly masqueradeAll: boolean
  /** The bit of packets' marks that asks for masquerade. */
  readonly masqueradeMark: number
  readonly ipvs: IpvsSettings
  readonly ipvsScheduler: string
  readonly conntrack: ConntrackSettings
  readonly oomScoreAdj: number
  readonly resetsStaleTcp: boolean
  readonly countingEngine: CountingEngine
  readonly metricsServices: number
  readonly metricsEndpoints: number
  /** Absolute. */
  readonly stateDir: string
  readonly verbose: boolean
  /** As it is shown to others. */
  readonly configuration: KubeProxyConfiguration
}

/** The range that `hawser up` and most test clusters have. */
const FOLDER_SERVICE_RANGE = '10.96.0.0/16'

/** As the words of Kubernetes' own log levels have it, what is of use to a debugger begins at 4. */
const VERBOSE_FROM = 4

/** What the words of a whole configuration mean. Its values have been looked at: an empty one is none. */
export function proxyConfig(configuration: KubeProxyConfiguration, own: OwnSettings): ProxyConfig {
  const { clientConnection, conntrack, ipvs } = configuration
  const mode = PROXY_MODES.find((mode) => mode === configuration.mode) ?? PROXY_MODES[0]
  const periods = configuration[mode]
  // kube-proxy's IPVS takes these from iptables, too.
  const masquerade = configuration[mode === 'nftables' ? 'nftables' : 'iptables']
  const nodePorts = nodePortAddresses(configuration, mode)
  const nodeAddress = parseAddress(configuration.bindAddress)
  const { kubeconfig, qps, burst } = clientConnection
  const access = { kubeconfig: kubeconfig === '' ? undefined : kubeconfig, master: own.master, qps, burst }
  return {
    source: own.folder === undefined ? { kind: 'api', ...access } : { kind: 'folder', folder: own.folder },
    mode,
    detectLocal: configuration.detectLocalMode === 'NodeCIDR' ? 'NodeCIDR' : 'ClusterCIDR',
    podCidrs: parseCidrPair(configuration.clusterCIDR) ?? [],
    podInterface: podInterface(configuration),
    serviceCidrs:
      own.serviceCidrs ?? (own.folder === undefined ? undefined : parseCidrPair(FOLDER_SERVICE_RANGE)),
    nodePortAddresses: nodePorts,
    // Only this mode can, as in kube-proxy.
    localhostNodePorts:
      mode === 'iptables' && configuration.iptables.localhostNodePorts && includesLocalhost(nodePorts),
    nodeName: parseNodeName(configuration.hostnameOverride) ?? hostNodeName(),
    nodeAddress: nodeAddress === '0.0.0.0' || nodeAddress === '::' ? undefined : nodeAddress,
    metrics: parseBindAddress(configuration.metricsBindAddress),
    health: parseBindAddress(configuration.healthzBindAddress),
    bindHardFail: configuration.bindAddressHardFail,
    minSyncPeriodMs: ms(periods.minSyncPeriod),
    auditIntervalMs: ms(periods.syncPeriod),
    masqueradeAll: masquerade.masqueradeAll,
    masqueradeMark: 2 ** masquerade.masqueradeBit,
    ipvs: {
      excludeCidrs: ipvs.excludeCIDRs.flatMap((text) => parseCidr(text) ?? []),
      strictArp: ipvs.strictARP,
      timeouts: {
        tcpSeconds: seconds(ipvs.tcpTimeout),
        tcpFinSeconds: seconds(ipvs.tcpFinTimeout),
        udpSeconds: seconds(ipvs.udpTimeout),
      },
    },
    ipvsScheduler: ipvs.scheduler === '' ? 'rr' : ipvs.scheduler,
    conntrack: {
      maxPerCore: conntrack.maxPerCore,
      min: conntrack.min,
      tcpBeLiberal: conntrack.tcpBeLiberal,
      tcpEstablishedTimeoutMs: ms(conntrack.tcpEstablishedTimeout),
      tcpCloseWaitTimeoutMs: ms(conntrack.tcpCloseWaitTimeout),
      udpTimeoutMs: ms(conntrack.udpTimeout),
      udpStreamTimeoutMs: ms(conntrack.udpStreamTimeout),
    },
    oomScoreAdj: configuration.oomScoreAdj,
    resetsStaleTcp: own.resetsStaleTcp,
    countingEngine: own.countingEngine,
    metricsServices: own.metricsServices,
    metricsEndpoints: own.metricsEndpoints,
    stateDir: own.stateDir,
    verbose: own.verbose || configuration.logging.verbosity >= VERBOSE_FROM,
    configuration,
  }
}

function podInterface({ detectLocalMode, detectLocal }: KubeProxyConfiguration): PodInterface | undefined {
  switch (detectLocalMode) {
    case 'BridgeInterface':
      return { name: detectLocal.bridgeInterface, isPrefix: false }
    case 'InterfaceNamePrefix':
      return { name: detectLocal.interfaceNamePrefix, isPrefix: true }
    default:
      return undefined
  }
}

/** Unset, node ports answer where they do with kube-proxy in the same mode. */
function nodePortAddresses(configuration: KubeProxyConfiguration, mode: ProxyMode): NodePortAddresses {
  const written = configuration.nodePortAddresses
  const unset = mode === 'nftables' ? ['primary'] : ['all']
  return parseNodePortAddresses(written.length > 0 ? written : unset) ?? []
}

const ms = (text: string): number => parseDuration(text) ?? 0

/** IPVS counts whole seconds, and 0 leaves its own. */
const seconds = (text: string): number => Math.ceil(ms(text) / 1000)
