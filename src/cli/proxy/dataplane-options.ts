import { findNodePortAddresses } from '../../config/node-port-addresses.ts'
import type { OwnNode } from '../../sources/api/own-node.ts'
import { primaryAddresses } from './node-in-use.ts'
import type { ProxyConfig } from './proxy-config.ts'
import type { DataplaneValues } from './switchable-proxy.ts'

/** Both, whatever the cluster IPs are of: rules left by a proxy of another family must go too. */
const FAMILIES = ['IPv4', 'IPv6'] as const

/** What the dataplane has to know, but for the parts of the process; `node` is the Node as it was known last. */
export async function dataplaneOptions(
  config: ProxyConfig,
  node: OwnNode | undefined,
): Promise<DataplaneValues> {
  const { mode, podCidrs, nodeName, nodePortAddresses } = config
  return {
    mode,
    families: FAMILIES,
    serviceCidrs: config.serviceCidrs,
    podCidrs,
    nodeAddresses: await findNodePortAddresses(nodePortAddresses, podCidrs, primaryAddresses(node)),
    nodeName,
    ...(node?.zone === undefined ? {} : { zone: node.zone }),
    masqueradePodEgress: false,
    masqueradeAll: config.masqueradeAll,
    minSyncPeriodMs: config.minSyncPeriodMs,
    auditIntervalMs: config.auditIntervalMs,
    tracksConnections: true,
  }
}
