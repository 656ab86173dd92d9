import { NodeLabels } from '../../kubelet/api/node-labels.ts'
import { PodEventRecorder } from '../../kubelet/api/pod-event-recorder.ts'
import { TokenRequests } from '../../kubelet/api/token-requests.ts'
import { Kubelet } from '../../kubelet/kubelet.ts'
import { nodeLabels } from '../../kubelet/node/node-object.ts'
import { nodeAllocatable, nodeCapacity } from '../../kubelet/node/resources.ts'
import { emptyRegistry, type Registry } from '../../metrics/registry.ts'
import { systemClock } from '../../util/clock.ts'
import type { Teardown } from '../process/teardown.ts'
import type { ClusterKubeletOptions } from './cluster-kubelet.ts'
import { serveNodeApi } from './node-api.ts'
import { NodePods } from './node-pods.ts'
import type { NodeReports } from './report-node.ts'
import { statsPages } from './stats-pages.ts'

/** A kubelet whose runtime answers. */
export interface RunningKubelet {
  readonly kubelet: Kubelet
  readonly pods: NodePods
}

/** Reads what runs, begins with the pods of the node's own folder, and serves the node's API. */
export async function openKubelet(
  runtimeVersion: string,
  options: ClusterKubeletOptions,
  { agent, health, folders }: NodeReports,
  teardown: Teardown,
): Promise<RunningKubelet> {
  const { client, leaseClient, identity, log } = options
  const nodeName = identity.name
  const runtimeName = runtimeVersion.split('://')[0] ?? ''
  // They pace themselves: they wait in no line, and nothing waits behind them.
  const events = new PodEventRecorder({ client: leaseClient, nodeName, log })
  teardown.add('Events', () => events.close())
  const labels = new NodeLabels({
    ...{ client, nodeName, log },
    own: new Map(Object.entries(nodeLabels(identity))),
  })
  const probes = emptyRegistry()
  const onRuntimeAway = () => void health.check()
  const kubelet = await readRuntime(options, { events, labels, probes, onRuntimeAway }, teardown)
  const nodeUid = () => agent.uid
  const pods = await NodePods.open(
    { ...options, ...{ kubelet, labels, events, runtimeName, nodeUid } },
    teardown,
  )
  const stats = statsPages({ ...{ nodeName, kubelet, probes, folders, log } }, teardown)
  const objects = () => pods.objects
  await serveNodeApi({ ...options, ...{ kubelet, objects, runtimeName, stats } }, teardown)
  return { kubelet, pods }
}

interface Surroundings {
  readonly events: PodEventRecorder
  readonly labels: NodeLabels
  readonly probes: Registry
  readonly onRuntimeAway: () => void
}

async function readRuntime(
  options: ClusterKubeletOptions,
  { events, labels, probes, onRuntimeAway }: Surroundings,
  teardown: Teardown,
): Promise<Kubelet> {
  const { client, identity, endpoint, stateDir, logsDir, registry, log } = options
  const { clusterDns, resolvConf } = options
  const allocatable = nodeAllocatable(nodeCapacity(identity.machine, identity.maxPods), identity.reserved)
  const tokens = new TokenRequests({ client, clock: systemClock, onDue: (uid) => kubelet.renewVolumes(uid) })
  const kubelet: Kubelet = await Kubelet.open({
    ...{ endpoint, stateDir, logsDir, registry, log, tokens, clusterDns, onRuntimeAway },
    probeRegistry: probes,
    ...(resolvConf === undefined ? {} : { resolvConf }),
    waitsForServices: true,
    onEvent: (event) => events.report(event),
    knowsStaticPods: options.manifests !== undefined,
    room: () => ({ name: identity.name, labels: labels.current, allocatable }),
    pods: 'node',
    nodeName: identity.name,
    nodeAddresses: identity.addresses,
  })
  teardown.add('the kubelet', async () => {
    await kubelet.close()
    tokens.close()
  })
  return kubelet
}
