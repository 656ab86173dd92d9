import { findNodePortAddresses } from '../../config/node-port-addresses.ts'
import { DEFAULT_IPVS_OPTIONS } from '../../dataplane/desired/ipvs-options.ts'
import type { OwnNode } from '../../sources/api/own-node.ts'
import { type Cidr, familyOf, type IpAddress } from '../../util/address.ts'
import { primaryAddresses } from './node-in-use.ts'
import type { ProxyConfig } from './proxy-config.ts'
import type { DataplaneValues } from './switchable-proxy.ts'

/** Both, whatever the cluster IPs are of: rules left by a proxy of another family must go too. */
const FAMILIES = ['IPv4', 'IPv6'] as const

/**
 * What the dataplane has to know, but for the parts of the process; `node` is the Node as it was known last,
 * `serviceCidrs` the ranges that the API server names.
 */
export async function dataplaneOptions(
  config: ProxyConfig,
  node: OwnNode | undefined,
  serviceCidrs: readonly Cidr[],
): Promise<DataplaneValues> {
  const { mode, nodeName, nodePortAddresses, nodeAddress } = config
  const podCidrs = config.detectLocal === 'NodeCIDR' ? (node?.podCidrs ?? []) : config.podCidrs
  const primary = withOverride(primaryAddresses(node), nodeAddress)
  return {
    mode,
    families: FAMILIES,
    serviceCidrs: config.serviceCidrs ?? serviceCidrs,
    podCidrs,
    ...(config.podInterface === undefined ? {} : { podInterface: config.podInterface }),
    nodeAddresses: await findNodePortAddresses(nodePortAddresses, podCidrs, primary),
    nodePortsEverywhere: FAMILIES.filter((family) =>
      nodePortAddresses.some((range) => range !== 'primary' && range.family === family && range.prefix === 0),
    ),
    localhostNodePorts: config.localhostNodePorts,
    nodeName,
    ...(node?.zone === undefined ? {} : { zone: node.zone }),
    masqueradePodEgress: false,
    masqueradeAll: config.masqueradeAll,
    masqueradeMark: config.masqueradeMark,
    ipvs: { ...DEFAULT_IPVS_OPTIONS, scheduler: config.ipvsScheduler },
    ipvsSettings: config.ipvs,
    minSyncPeriodMs: config.minSyncPeriodMs,
    auditIntervalMs: config.auditIntervalMs,
    tracksConnections: true,
    resetsStaleTcp: config.resetsStaleTcp,
    countingEngine: config.countingEngine,
    metricsServices: config.metricsServices,
    metricsEndpoints: config.metricsEndpoints,
  }
}

/** As in kube-proxy, an address that is named takes the place of the Node's of its family. */
const withOverride = (
  addresses: readonly IpAddress[],
  override: IpAddress | undefined,
): readonly IpAddress[] =>
  override === undefined
    ? addresses
    : [override, ...addresses.filter((address) => familyOf(address) !== familyOf(override))]
