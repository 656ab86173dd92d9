import type { KubeClient } from '../../src/kube/client.ts'
import { ApiSource } from '../../src/sources/api/api-source.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { ApiGate } from '../cluster/harness/api-gate.ts'
import { startKubeProxy } from '../cluster/harness/kube-proxy.ts'
import type { TestCluster } from '../cluster/harness/test-cluster.ts'
import { openProxy } from '../support/proxy.ts'
import { PLACES } from '../support/service-world.ts'
import { Lab } from './lab.ts'
import { NODE } from './places.ts'

/** Modes in which there is a proxy of both to compare. kube-proxy's mode ipvs needs a kernel with ip_vs. */
export const MODES = ['nftables', 'iptables'] as const
export type ComparedMode = (typeof MODES)[number]

/** One proxy on a node of its own. */
export interface Contestant {
  readonly lab: Lab
  stop(): Promise<void>
}

/** What a contestant has made, to be undone in reverse. */
type Undo = () => Promise<unknown>

/** A real kube-proxy, in a lab of its own. */
export const kubeProxy = (cluster: TestCluster, mode: ComparedMode): Promise<Contestant> =>
  contestant(async (lab, undos) => {
    const gate = await ApiGate.open(lab.node.path, cluster.serverPort)
    undos.push(() => gate.close())
    const program = await startKubeProxy(cluster, {
      name: `kube-proxy-${mode}`,
      mode,
      nodeName: NODE.name,
      netns: lab.node.path,
      clusterCidr: `${PLACES.IPv4.podCidr},${PLACES.IPv6.podCidr}`,
      // Long enough that a step of a world is a few syncs, each of which starts several programs.
      minSyncPeriod: '200ms',
    })
    undos.push(() => program.stop('SIGKILL'))
  })

/** Our proxy in this process, which follows the same API server, in a lab of its own. */
export const hawser = (client: KubeClient, mode: ComparedMode): Promise<Contestant> =>
  contestant(async (lab, undos) => {
    const proxy = await openProxy(lab.node.path, {
      ...{ mode, families: ['IPv4', 'IPv6'], nodeName: NODE.name, zone: NODE.zone, tracksConnections: true },
    })
    undos.push(() => proxy.close())
    const source = new ApiSource({
      client,
      nodeName: NODE.name,
      log: silentLogger,
      onUpdate: ({ changes }) => proxy.apply(changes),
    })
    undos.push(() => source.close())
  })

async function contestant(start: (lab: Lab, undos: Undo[]) => Promise<void>): Promise<Contestant> {
  const lab = await Lab.create()
  const undos: Undo[] = [() => lab.dispose()]
  const stop = async (): Promise<void> => {
    for (const undo of undos.splice(0).reverse()) await undo()
  }
  try {
    await start(lab, undos)
    return { lab, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
