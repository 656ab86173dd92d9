import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { ApiGate } from '../../test/cluster/harness/api-gate.ts'
import type { TestCluster } from '../../test/cluster/harness/test-cluster.ts'
import { freshNetns } from '../netns.ts'
import type { Teardown } from '../teardown.ts'
import { type Load, type Measured, measure, type RunningProxy } from './measure.ts'
import { MARK_ENDPOINTS, NODE_ADDRESS } from './objects.ts'

/** A namespace for one proxy: it reaches the API server, is the node, and has the marks' endpoints itself. */
interface Lane {
  readonly netns: string
  close(): Promise<void>
}

const run = promisify(execFile)

async function openLane(cluster: TestCluster, teardown: Teardown): Promise<Lane> {
  const netns = await freshNetns(teardown)
  const ip = (...args: readonly string[]): Promise<unknown> =>
    run('nsenter', [`--net=${netns.path}`, 'ip', ...args])
  for (const address of [NODE_ADDRESS, ...MARK_ENDPOINTS])
    await ip('address', 'add', `${address}/32`, 'dev', 'lo')
  // Cluster IPs need a way out of the socket, no more: what is translated stays here, and nothing else should arrive.
  await ip('route', 'add', '10.96.0.0/16', 'dev', 'lo', 'src', NODE_ADDRESS)
  const gate = await ApiGate.open(netns.path, cluster.serverPort)
  const closeGate = teardown.add(() => gate.close())
  return {
    netns: netns.path,
    async close() {
      await closeGate()
      await netns.remove()
    },
  }
}

/** Measures a proxy in a lane of its own. */
export async function measureInLane(
  cluster: TestCluster,
  load: Load,
  teardown: Teardown,
  start: (netns: string) => RunningProxy | Promise<RunningProxy>,
): Promise<Measured> {
  const lane = await openLane(cluster, teardown)
  const place = { netns: lane.netns, kubeconfig: cluster.kubeconfig }
  const measured = await measure(place, () => start(lane.netns), load, teardown)
  await lane.close()
  return measured
}
