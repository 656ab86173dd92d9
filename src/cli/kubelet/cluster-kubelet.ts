import { PodEventRecorder } from '../../kubelet/api/pod-event-recorder.ts'
import { StatusWriter } from '../../kubelet/api/status-writer.ts'
import { TokenRequests } from '../../kubelet/api/token-requests.ts'
import { Kubelet } from '../../kubelet/kubelet.ts'
import { NodeLease } from '../../kubelet/node/lease.ts'
import type { NodeAgent } from '../../kubelet/node/node-agent.ts'
import type { NodeIdentity } from '../../kubelet/node/node-object.ts'
import type { Registry } from '../../metrics/registry.ts'
import { formatProblem } from '../../model/problem.ts'
import { PodSource } from '../../sources/api/pod-source.ts'
import { ServiceSource } from '../../sources/api/service-source.ts'
import type { ServiceFeed } from '../../sources/service-feed.ts'
import type { SourceUpdate } from '../../sources/source-update.ts'
import { systemClock } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Teardown } from '../process/teardown.ts'
import type { ApiClients } from './api-clients.ts'
import type { KubeletConfig } from './kubelet-config.ts'
import { reportNode } from './report-node.ts'
import { waitForRuntime } from './wait-for-runtime.ts'

export interface ClusterKubeletOptions
  extends ApiClients,
    Pick<KubeletConfig, 'endpoint' | 'stateDir' | 'logsDir'> {
  readonly identity: NodeIdentity
  /** Undefined: nobody else in this process watches Services. */
  readonly services?: ServiceFeed
  /** Why the node is not ready, beside the kubelet's own reasons; each is undefined where there is none. */
  readonly reasons?: readonly (() => string | undefined)[]
  /** Called once the Node is there and this machine's. */
  readonly onRegistered?: () => Promise<void>
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
  const { identity, reasons = [], signal = new AbortController().signal } = options
  let open: Kubelet | undefined
  // Registration waits for no runtime: that one is missing is what the Node says then.
  const { agent, health } = reportNode({ ...options, reasons, kubelet: () => open }, teardown)
  const registered = agent.start(signal).then(async () => {
    beatHeart(identity, agent, options, teardown)
    await options.onRegistered?.()
  })
  const opened = waitForRuntime(options.endpoint, signal).then(async (version) => {
    const kubelet = await openKubelet(options, () => void health.check(), teardown)
    open = kubelet
    agent.changed()
    return { kubelet, runtimeName: version.split('://')[0] ?? '' }
  })
  const [{ kubelet, runtimeName }] = await Promise.all([opened, registered])
  followServices(kubelet, options, teardown)
  followPods(kubelet, runtimeName, options, teardown)
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

async function openKubelet(
  options: ClusterKubeletOptions,
  onRuntimeAway: () => void,
  teardown: Teardown,
): Promise<Kubelet> {
  const { client, leaseClient, identity, endpoint, stateDir, logsDir, registry, log } = options
  const tokens = new TokenRequests({ client, clock: systemClock, onDue: (uid) => kubelet.renewVolumes(uid) })
  // Events pace themselves: they wait in no line, and nothing waits behind them.
  const events = new PodEventRecorder({ client: leaseClient, nodeName: identity.name, log })
  teardown.add('Events', () => events.close())
  const kubelet: Kubelet = await Kubelet.open({
    ...{ endpoint, stateDir, logsDir, registry, log, tokens },
    onEvent: (event) => events.report(event),
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
  feed.followServices((changes) => kubelet.apply(changes))
}

function watchServices({ client, log }: ClusterKubeletOptions, teardown: Teardown): ServiceFeed {
  const source = new ServiceSource({ client, log })
  teardown.add('the watch on Services', () => source.close())
  return source
}

/** Has the pods that are bound to this node run, and the API server hear how they are. */
function followPods(
  kubelet: Kubelet,
  runtimeName: string,
  { identity: { name, addresses }, client, log }: ClusterKubeletOptions,
  teardown: Teardown,
): void {
  let source: PodSource | undefined
  const writer = new StatusWriter({
    client,
    hostIPs: addresses,
    runtimeName,
    pod: (pod) => source?.pod(pod),
    log,
  })
  teardown.add('reports on pods', () => writer.close())
  kubelet.onStatus((news) => writer.take(news))
  let said: ReadonlySet<string> = new Set()
  const take = ({ changes, problems }: SourceUpdate): void => {
    const first = source?.synced !== true
    kubelet.apply(changes)
    if (first) kubelet.ready()
    const lines = problems.map(formatProblem)
    for (const line of lines) if (!said.has(line)) log.error({}, line)
    said = new Set(lines)
  }
  const followed = new PodSource({ client, nodeName: name, log, onUpdate: take })
  source = followed
  teardown.add('the watch on pods', () => followed.close())
}
