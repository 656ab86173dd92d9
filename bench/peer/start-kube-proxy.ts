import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { startKubeProxy } from '../../test/cluster/harness/kube-proxy.ts'
import type { TestCluster } from '../../test/cluster/harness/test-cluster.ts'
import type { RunningProxy } from '../cluster/measure.ts'
import { NODE_NAME, POD_RANGE } from '../cluster/objects.ts'
import { BenchError } from '../error.ts'
import type { Peer, PeerMode } from './peer.ts'

/** Debian's program behind all names of the legacy variant; it looks at the name that it is called by. */
const LEGACY_PROGRAM = '/usr/sbin/xtables-legacy-multi'
const LEGACY_NAMES = ['iptables', 'ip6tables'].flatMap((name) => [name, `${name}-save`, `${name}-restore`])

/** Starts the peer in a namespace that reaches the cluster's API server, configured as it is by default. */
export async function startPeer(
  { folder }: Peer,
  mode: PeerMode,
  cluster: TestCluster,
  netns: string,
): Promise<RunningProxy> {
  const path =
    mode === 'iptables-legacy' ? `${legacyTools(cluster.place.folder)}:${process.env.PATH}` : undefined
  const program = await startKubeProxy(
    { kubeconfig: cluster.kubeconfig, place: { binaries: folder, folder: cluster.place.folder } },
    {
      name: `kube-proxy-${mode}`,
      mode: mode === 'nftables' ? 'nftables' : 'iptables',
      nodeName: NODE_NAME,
      netns,
      clusterCidr: POD_RANGE,
      ...(path === undefined ? {} : { path }),
    },
  )
  const { pid } = program
  if (pid === undefined) throw new BenchError('BENCH_FAILED', 'kube-proxy could not be started')
  return {
    pid,
    ended: program.ended.then(() => `kube-proxy in mode ${mode}`),
    stop: () => program.stop('SIGKILL'),
  }
}

/** A folder in which `iptables` is the legacy variant, whatever the machine's default is. */
function legacyTools(parent: string): string {
  const folder = join(parent, 'legacy-tools')
  mkdirSync(folder, { recursive: true })
  for (const name of LEGACY_NAMES) symlinkSync(LEGACY_PROGRAM, join(folder, name))
  return folder
}
