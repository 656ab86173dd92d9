import * as v from 'valibot'
import {
  address,
  bindAddress,
  cidrList,
  cidrPair,
  duration,
  flag,
  nodePortAddresses,
  optionalDuration,
  text,
  whole,
} from './fields.ts'

export const API_VERSION = 'kubeproxy.config.k8s.io/v1alpha1'
export const KIND = 'KubeProxyConfiguration'

/** How often the kernel is compared with what should be there; kube-proxy's 30 s are between two full syncs. */
const SYNC_PERIOD = '1m0s'

const UINT31 = 2 ** 31 - 1

/** Fields that two modes have alike. */
const nat = {
  masqueradeBit: whole(14, 0, 31),
  masqueradeAll: flag(),
  syncPeriod: duration(SYNC_PERIOD),
  minSyncPeriod: duration(),
}

/**
 * KubeProxyConfiguration of kubeproxy.config.k8s.io/v1alpha1 as of Kubernetes 1.36 (k8s.io/kube-proxy/config/v1alpha1),
 * with kube-proxy's defaults but for these: the mode is nftables, a kernel is audited each minute, and syncs have no
 * least distance, since one costs microseconds here.
 */
export const schema = v.object({
  apiVersion: v.literal(API_VERSION, `must be ${API_VERSION}`),
  kind: v.literal(KIND, `must be ${KIND}`),
  bindAddress: address,
  bindAddressHardFail: flag(),
  clientConnection: v.nullish(
    v.object({
      kubeconfig: text,
      acceptContentTypes: text,
      contentType: text,
      /** 0 stands for the default, less than 0 for no limit. */
      qps: v.pipe(
        v.nullish(v.number(), 0),
        v.transform((value) => (value === 0 ? 5 : value)),
      ),
      burst: v.pipe(
        whole(0, 0, UINT31),
        v.transform((value) => (value === 0 ? 10 : value)),
      ),
    }),
    {},
  ),
  clusterCIDR: cidrPair,
  configSyncPeriod: duration('15m0s'),
  conntrack: v.nullish(
    v.object({
      maxPerCore: whole(32_768, 0, UINT31),
      min: whole(131_072, 0, UINT31),
      tcpBeLiberal: flag(),
      tcpCloseWaitTimeout: optionalDuration('1h0m0s'),
      tcpEstablishedTimeout: optionalDuration('24h0m0s'),
      udpStreamTimeout: duration(),
      udpTimeout: duration(),
    }),
    {},
  ),
  detectLocal: v.nullish(v.object({ bridgeInterface: text, interfaceNamePrefix: text }), {}),
  detectLocalMode: v.pipe(
    v.nullish(v.picklist(['', 'ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix']), ''),
    v.transform((value) => (value === '' ? 'ClusterCIDR' : value)),
  ),
  enableProfiling: flag(),
  featureGates: v.nullish(v.record(v.string(), v.boolean()), {}),
  healthzBindAddress: bindAddress(10_256),
  hostnameOverride: text,
  iptables: v.nullish(v.object({ ...nat, localhostNodePorts: flag(true) }), {}),
  ipvs: v.nullish(
    v.object({
      excludeCIDRs: cidrList,
      minSyncPeriod: duration(),
      scheduler: v.nullish(
        v.picklist(
          ['', ...'rr,wrr,lc,wlc,fo,ovf,lblc,lblcr,dh,sh,mh,sed,nq,twos'.split(',')],
          'must be a scheduler of the kernel, such as rr, wlc or mh',
        ),
        '',
      ),
      strictARP: flag(),
      syncPeriod: duration(SYNC_PERIOD),
      tcpFinTimeout: duration(),
      tcpTimeout: duration(),
      udpTimeout: duration(),
    }),
    {},
  ),
  logging: v.nullish(
    v.object({
      format: text,
      /** A duration, or nanoseconds. */
      flushFrequency: v.nullish(v.union([v.string(), v.number()]), '5s'),
      verbosity: whole(0, 0, UINT31),
      vmodule: v.nullish(v.array(v.unknown()), []),
      options: v.nullish(v.record(v.string(), v.unknown()), {}),
    }),
    {},
  ),
  metricsBindAddress: bindAddress(10_249),
  mode: v.nullish(v.picklist(['', 'nftables', 'ipvs', 'iptables'], 'must be nftables, ipvs or iptables'), ''),
  nftables: v.nullish(v.object(nat), {}),
  nodePortAddresses,
  oomScoreAdj: whole(-999, -1000, 1000),
  portRange: text,
  showHiddenMetricsForVersion: text,
  windowsRunAsService: flag(),
  winkernel: v.nullish(
    v.object({
      enableDSR: flag(),
      forwardHealthCheckVip: flag(),
      networkName: text,
      rootHnsEndpointName: text,
      sourceVip: text,
    }),
    {},
  ),
})

export type KubeProxyConfiguration = v.InferOutput<typeof schema>
