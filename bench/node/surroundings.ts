import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildPauseImage, pauseImageName } from '../../src/kubelet/images/pause-image.ts'
import { TestCluster } from '../../test/cluster/harness/test-cluster.ts'
import { type NodeImages, TestNode } from '../../test/cluster/harness/test-node.ts'
import { CLUSTER_DNS, startUpstreamKubelet } from '../../test/cluster/harness/upstream-kubelet.ts'
import { BenchError } from '../error.ts'
import { packageRoot } from '../package-root.ts'
import type { Teardown } from '../teardown.ts'
import { NodeWrites } from './audit.ts'
import { BarePods } from './bare-pods.ts'
import type { Contestants, NodeContestant } from './contest.ts'
import { PodWatch } from './pod-watch.ts'
import { ThroughApi } from './through-api.ts'

const IMAGES: NodeImages = {
  sandboxImage: pauseImageName,
  write: async (folder) => [(await buildPauseImage(packageRoot, join(folder, 'pause.tar'))).file],
}

/**
 * A control plane, and machines that are alike but for their kubelet: on one `hawser node`, whose runtime the floor
 * shares, on the other, where `peer` is its program, upstream's.
 */
export async function startContestants(peer: string | undefined, teardown: Teardown): Promise<Contestants> {
  const folder = await mkdtemp(join(tmpdir(), 'hw-bench-'))
  teardown.add(() => rm(folder, { recursive: true, force: true }))
  const account = await NodeWrites.prepare(folder)
  const cluster = await TestCluster.start({
    ...{ controllerManager: true, scheduler: true, network: true },
    serverFlags: account.flags,
  })
  teardown.add(() => cluster.dispose())
  const watch = await PodWatch.open(cluster.admin, teardown)
  const contestant = (name: string, pid: number | undefined): NodeContestant => {
    if (pid === undefined) throw new BenchError('BENCH_FAILED', `the kubelet of node ${name} did not start`)
    return new ThroughApi({ client: cluster.admin, watch, account, name, pid })
  }
  const machine = async (name: string, command: 'node' | 'none'): Promise<TestNode> => {
    const node = await TestNode.start(cluster, {
      ...{ name, command, images: IMAGES },
      flags: [`--cluster-dns=${CLUSTER_DNS}`],
    })
    teardown.add(() => node.dispose())
    return node
  }
  const own = await machine('hawser', 'node')
  const floor = new BarePods(own.containerd.endpoint, {
    stateDir: join(folder, 'floor'),
    cgroupRoot: `/hawser-bench-${process.pid}`,
  })
  teardown.add(() => floor.close())
  const hawser = contestant('hawser', own.pid)
  if (peer === undefined) return { hawser, floor, peer: undefined }
  const other = await machine('kubelet', 'none')
  const kubelet = await startUpstreamKubelet(cluster, other, peer)
  teardown.add(() => kubelet.stop('SIGKILL').then(() => undefined))
  return { hawser, floor, peer: contestant('kubelet', kubelet.pid) }
}
