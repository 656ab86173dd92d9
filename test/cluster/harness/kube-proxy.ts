import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { ClusterProcess } from './process.ts'
import type { TestCluster } from './test-cluster.ts'

export interface KubeProxyOptions {
  /** Its own name, for files. */
  readonly name: string
  readonly mode: 'nftables' | 'iptables'
  /** Whose Node object it reads; that must have an InternalIP. */
  readonly nodeName: string
  /** Path of the network namespace to run in; the API server must be reachable there, see `ApiGate`. */
  readonly netns: string
  /** Pod ranges, of both families joined by a comma. */
  readonly clusterCidr: string
  /** Least time between two syncs; kube-proxy's default of 1 s when absent. */
  readonly minSyncPeriod?: string
  /** Where it looks for `nft` and `iptables`; the caller's PATH by default. */
  readonly path?: string
}

/** Starts a real kube-proxy against a test cluster. It goes without a trace when its namespace does. */
export async function startKubeProxy(
  cluster: Pick<TestCluster, 'kubeconfig' | 'place'>,
  options: KubeProxyOptions,
): Promise<ClusterProcess> {
  const { name, mode, nodeName, netns, clusterCidr, minSyncPeriod = '1s', path } = options
  const config = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: cluster.kubeconfig },
    mode,
    clusterCIDR: clusterCidr,
    detectLocalMode: 'ClusterCIDR',
    hostnameOverride: nodeName,
    nodePortAddresses: ['primary'],
    // The limits of conntrack belong to the host's namespace: it could not set them, and would give up.
    conntrack: { maxPerCore: 0 },
    [mode]: { minSyncPeriod, syncPeriod: '30s' },
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
  }
  const file = join(cluster.place.folder, `${name}.yaml`)
  await writeFile(file, stringify(config))
  return ClusterProcess.start('kube-proxy', cluster.place, [`--config=${file}`], {
    ...{ netns, logName: name },
    ...(path === undefined ? {} : { env: { PATH: path } }),
  })
}
