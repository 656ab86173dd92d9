import { NodeLabels } from '../../kubelet/api/node-labels.ts'
import { PodEventRecorder } from '../../kubelet/api/pod-event-recorder.ts'
import { TokenRequests } from '../../kubelet/api/token-requests.ts'
import { Kubelet } from '../../kubelet/kubelet.ts'
import { NodeLease } from '../../kubelet/node/lease.ts'
import { addNodeMetrics } from '../../kubelet/node/metrics.ts'
import type { NodeAgent } from '../../kubelet/node/node-agent.ts'
import { type NodeIdentity, nodeLabels } from '../../kubelet/node/node-object.ts'
import { nodeAllocatable, nodeCapacity } from '../../kubelet/node/resources.ts'
import { emptyRegistry, type Registry } from '../../metrics/registry.ts'
import type { PodObject, PodSource } from '../../sources/api/pod-source.ts'
import { ServiceSource } from '../../sources/api/service-source.ts'
import type { NodeFeed } from '../../sources/node-feed.ts'
import type { ServiceFeed } from '../../sources/service-feed.ts'
import { systemClock } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Teardown } from '../process/teardown.ts'
import type { ApiClients } from './api-clients.ts'
import type { KubeletConfig } from './kubelet-config.ts'
import { serveNodeApi } from './node-api.ts'
import { NodePods } from './node-pods.ts'
import { reportNode } from './report-node.ts'
import { statsPages } from './stats-pages.ts'
import { waitForRuntime } from './wait-for-runtime.ts'

export interface ClusterKubeletOptions
  extends ApiClients,
    Pick<KubeletConfig, 'endpoint' | 'stateDir' | 'logsDir' | 'clusterDns' | 'resolvConf'>,
    Partial<Pick<KubeletConfig, 'nodeApi' | 'manifests'>> {
  readonly identity: NodeIdentity
  /** Undefined: nobody else in this process watches Services. */
  readonly services?: ServiceFeed
  /** Why the node is not ready, beside the kubelet's own reasons; each is undefined where there is none. */
  readonly reasons?: readonly (() => string | undefined)[]
  /** Called once the Node is there and this machine's, with the one watch on it. */
  readonly onRegistered?: (node: NodeFeed) => Promise<void>
  /** The KubeletConfiguration in force, for `/configz`; that path is not there without it. */
  readonly configuration?: () => unknown
  readonly registry: Registry
  readonly log: Logger
  /** An end is asked for before all is there. */
  readonly signal?: AbortSignal
}

export interface ClusterKubelet {
  /** A reason has come or gone: the node's state is told now. */
  reasonsChanged(): void
}

/**
 * The kubelet of a cluster's node: registers it, runs the pods that are bound to it, and tells how they are. Waits for
 * an API server and a runtime that are away, for each on its own. Rejects with a NodeError when the node's name is
 * another machine's. Its end leaves the pods running.
 */
export async function startClusterKubelet(
  options: ClusterKubeletOptions,
  teardown: Teardown,
): Promise<ClusterKubelet> {
  const { identity, reasons = [], registry, log, signal = new AbortController().signal } = options
  const probes = emptyRegistry()
  addNodeMetrics(registry, identity)
  let open: Kubelet | undefined
  let pods: PodSource | undefined
  // Registration waits for no runtime: that one is missing is what the Node says then.
  const { agent, health, folders } = reportNode({ ...options, reasons, kubelet: () => open }, teardown)
  const registered = agent.start(signal).then(async () => {
    beatHeart(identity, agent, options, teardown)
    await options.onRegistered?.(agent)
  })
  // They pace themselves: they wait in no line, and nothing waits behind them.
  const events = new PodEventRecorder({ client: options.leaseClient, nodeName: identity.name, log })
  teardown.add('Events', () => events.close())
  const opened = waitForRuntime(options.endpoint, signal).then(async (version) => {
    const labels = labelsOf(options)
    const kubelet = await openKubelet(
      options,
      { labels, probes, events },
      () => void health.check(),
      teardown,
    )
    const stats = statsPages({ nodeName: identity.name, kubelet, probes, folders, log }, teardown)
    const runtimeName = version.split('://')[0] ?? ''
    // Before the node can be Ready: from then on the API server asks it for logs and sessions.
    const objects = (): Iterable<PodObject> => pods?.objects ?? []
    await serveNodeApi({ ...options, ...{ kubelet, objects, runtimeName, stats } }, teardown)
    open = kubelet
    agent.changed()
    const nodePods = await NodePods.open(
      { ...options, ...{ kubelet, labels, runtimeName, events }, nodeUid: () => agent.uid },
      teardown,
    )
    return { kubelet, nodePods }
  })
  const [{ kubelet, nodePods }] = await Promise.all([opened, registered])
  followServices(kubelet, options, teardown)
  pods = nodePods.follow(teardown)
  return { reasonsChanged: () => agent.changed() }
}

function beatHeart(
  { name }: NodeIdentity,
  agent: NodeAgent,
  { leaseClient, log }: ClusterKubeletOptions,
  teardown: Teardown,
): void {
  const lease = new NodeLease({ client: leaseClient, nodeName: name, nodeUid: () => agent.uid, log })
  teardown.add('the heartbeat', () => lease.close())
}

const labelsOf = ({ client, identity, log }: ClusterKubeletOptions): NodeLabels =>
  new NodeLabels({
    ...{ client, log, nodeName: identity.name },
    own: new Map(Object.entries(nodeLabels(identity))),
  })

interface KubeletSurroundings {
  readonly labels: NodeLabels
  readonly probes: Registry
  readonly events: PodEventRecorder
}

async function openKubelet(
  options: ClusterKubeletOptions,
  { labels, probes, events }: KubeletSurroundings,
  onRuntimeAway: () => void,
  teardown: Teardown,
): Promise<Kubelet> {
  const { client, identity, endpoint, stateDir, logsDir, registry, log } = options
  const { clusterDns, resolvConf } = options
  const allocatable = nodeAllocatable(nodeCapacity(identity.machine, identity.maxPods), identity.reserved)
  const tokens = new TokenRequests({ client, clock: systemClock, onDue: (uid) => kubelet.renewVolumes(uid) })
  const kubelet: Kubelet = await Kubelet.open({
    ...{ endpoint, stateDir, logsDir, registry, log, tokens, clusterDns },
    probeRegistry: probes,
    ...(resolvConf === undefined ? {} : { resolvConf }),
    waitsForServices: true,
    onEvent: (event) => events.report(event),
    knowsStaticPods: options.manifests !== undefined,
    room: () => ({ name: identity.name, labels: labels.current, allocatable }),
    onRuntimeAway,
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

/** Services come from whoever watches them in this process already. */
function followServices(kubelet: Kubelet, options: ClusterKubeletOptions, teardown: Teardown): void {
  const feed = options.services ?? watchServices(options, teardown)
  feed.followServices((changes) => {
    kubelet.apply(changes)
    kubelet.servicesComplete()
  })
}

function watchServices({ client, log }: ClusterKubeletOptions, teardown: Teardown): ServiceFeed {
  const source = new ServiceSource({ client, log })
  teardown.add('the watch on Services', () => source.close())
  return source
}
