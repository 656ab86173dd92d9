import type { KubeClient } from '../../kube/client.ts'
import { StatusWriter } from '../../kubelet/api/status-writer.ts'
import { TokenRequests } from '../../kubelet/api/token-requests.ts'
import { Kubelet } from '../../kubelet/kubelet.ts'
import { NodeLease } from '../../kubelet/node/lease.ts'
import { NodeAgent } from '../../kubelet/node/node-agent.ts'
import type { NodeIdentity } from '../../kubelet/node/node-object.ts'
import type { Registry } from '../../metrics/registry.ts'
import { formatProblem } from '../../model/problem.ts'
import { PodSource } from '../../sources/api/pod-source.ts'
import type { SourceUpdate } from '../../sources/source-update.ts'
import { systemClock } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Teardown } from '../process/teardown.ts'

export interface ClusterKubeletOptions {
  readonly client: KubeClient
  /** Another one: heartbeats wait in no line. */
  readonly leaseClient: KubeClient
  readonly identity: NodeIdentity
  /** CRI socket: `unix:///absolute/path.sock`. */
  readonly endpoint: string
  /** Absolute. */
  readonly stateDir: string
  readonly registry: Registry
  readonly log: Logger
}

/**
 * The kubelet of a cluster's node: registers it, runs the pods that are bound to it, and tells how they are. Its end
 * leaves the pods running.
 */
export async function startClusterKubelet(options: ClusterKubeletOptions, teardown: Teardown): Promise<void> {
  const { client, leaseClient, identity, registry, log } = options
  let source: PodSource | undefined
  const tokens = new TokenRequests({ client, clock: systemClock, onDue: (uid) => kubelet.renewVolumes(uid) })
  const kubelet: Kubelet = await Kubelet.open({
    endpoint: options.endpoint,
    stateDir: options.stateDir,
    nodeName: identity.name,
    nodeAddresses: identity.addresses,
    registry,
    log,
    tokens,
  })
  teardown.add('the kubelet', async () => {
    await kubelet.close()
    tokens.close()
  })
  const writer = new StatusWriter({
    client,
    hostIPs: identity.addresses,
    runtimeName: identity.runtimeVersion.split('://')[0] ?? '',
    pod: (name) => source?.pod(name),
    log,
  })
  teardown.add('reports on pods', () => writer.close())
  kubelet.onStatus((news) => writer.take(news))
  const agent = new NodeAgent({ client, identity, health: () => ({ notReady: undefined }), log })
  teardown.add('reports on the node', () => agent.close())
  await agent.start()
  const lease = new NodeLease({
    client: leaseClient,
    nodeName: identity.name,
    nodeUid: () => agent.uid,
    log,
  })
  teardown.add('the heartbeat', () => lease.close())
  let said: ReadonlySet<string> = new Set()
  const take = ({ changes, problems }: SourceUpdate): void => {
    const first = source?.synced !== true
    kubelet.apply(changes)
    if (first) kubelet.ready()
    const lines = problems.map(formatProblem)
    for (const line of lines) if (!said.has(line)) log.error({}, line)
    said = new Set(lines)
  }
  source = new PodSource({ client, nodeName: identity.name, log, onUpdate: take })
  const followed = source
  teardown.add('the watch on pods', () => followed.close())
}
