import type { Kubelet } from '../../kubelet/kubelet.ts'
import { NodeLease } from '../../kubelet/node/lease.ts'
import { addNodeMetrics } from '../../kubelet/node/metrics.ts'
import type { NodeAgent } from '../../kubelet/node/node-agent.ts'
import type { NodeIdentity } from '../../kubelet/node/node-object.ts'
import type { Registry } from '../../metrics/registry.ts'
import { ServiceSource } from '../../sources/api/service-source.ts'
import type { NodeFeed } from '../../sources/node-feed.ts'
import type { ServiceFeed } from '../../sources/service-feed.ts'
import type { Logger } from '../../util/logger.ts'
import type { Teardown } from '../process/teardown.ts'
import { together } from '../process/together.ts'
import type { ApiClients } from './api-clients.ts'
import type { KubeletConfig } from './kubelet-config.ts'
import { reportNode } from './report-node.ts'
import { openKubelet, type RunningKubelet } from './running-kubelet.ts'
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
  const { identity, endpoint, reasons = [], registry } = options
  const failed = new AbortController()
  const signal = AbortSignal.any([failed.signal, ...(options.signal === undefined ? [] : [options.signal])])
  addNodeMetrics(registry, identity)
  let running: RunningKubelet | undefined
  // Registration waits for no runtime: that one is missing is what the Node says then.
  const reports = reportNode({ ...options, reasons, kubelet: () => running?.kubelet }, teardown)
  const { agent } = reports
  const registered = agent.start(signal).then(async () => {
    beatHeart(options, agent, teardown)
    await options.onRegistered?.(agent)
  })
  const opened = waitForRuntime(endpoint, signal).then(async (version) => {
    running = await openKubelet(version, options, reports, teardown)
    agent.changed()
    return running
  })
  const [{ kubelet, pods }] = await together([opened, registered], () => failed.abort())
  followServices(kubelet, options, teardown)
  pods.follow(teardown)
  return { reasonsChanged: () => agent.changed() }
}

function beatHeart(options: ClusterKubeletOptions, agent: NodeAgent, teardown: Teardown): void {
  const { leaseClient: client, identity, log } = options
  const lease = new NodeLease({ ...{ client, log }, nodeName: identity.name, nodeUid: () => agent.uid })
  teardown.add('the heartbeat', () => lease.close())
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
