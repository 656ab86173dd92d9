import { EventRecorder } from '../../kube/events.ts'
import type { Kubelet } from '../../kubelet/kubelet.ts'
import { type NodeFolders, readFigures } from '../../kubelet/node/figures.ts'
import { NodeHealth } from '../../kubelet/node/health.ts'
import { NodeAgent } from '../../kubelet/node/node-agent.ts'
import type { NodeIdentity } from '../../kubelet/node/node-object.ts'
import { NodeRuntime } from '../../kubelet/node/node-runtime.ts'
import { systemClock } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Teardown } from '../process/teardown.ts'
import type { ApiClients } from './api-clients.ts'

export interface NodeReportOptions extends Pick<ApiClients, 'client' | 'leaseClient'> {
  readonly identity: NodeIdentity
  /** CRI socket: `unix:///absolute/path.sock`. */
  readonly endpoint: string
  /** Absolute. */
  readonly stateDir: string
  /** Undefined until it has read what runs. */
  readonly kubelet: () => Kubelet | undefined
  /** Why the node is not ready, beside the kubelet's own reasons; each is undefined where there is none. */
  readonly reasons: readonly (() => string | undefined)[]
  readonly log: Logger
}

export interface NodeReports {
  /** Not started yet. */
  readonly agent: NodeAgent
  readonly health: NodeHealth
  /** On the file systems that matter. */
  readonly folders: () => NodeFolders
}

/** Finds out how the node is, and tells the API server; also while its runtime is away. */
export function reportNode(options: NodeReportOptions, teardown: Teardown): NodeReports {
  const { client, leaseClient, identity, kubelet, stateDir, log } = options
  const runtime = new NodeRuntime(options.endpoint)
  teardown.add("the node's connection to the runtime", async () => runtime.close())
  const folders = (): NodeFolders => ({ nodefs: stateDir, imagefs: runtime.imageFolder })
  const health = new NodeHealth({
    status: () => runtime.status(),
    // What was never read cannot be out of date.
    snapshotAgeMs: () => kubelet()?.snapshotAgeMs ?? 0,
    figures: () => readFigures(folders()),
    reasons: [
      () => (kubelet() === undefined ? 'the pods of this node have not been read yet' : undefined),
      ...options.reasons,
    ],
    onChange: () => agent.changed(),
    clock: systemClock,
    log,
  })
  teardown.add("the watch on the node's health", async () => health.close())
  // Events pace themselves: they wait in no line, and nothing waits behind them.
  const events = new EventRecorder({ client: leaseClient, component: 'kubelet', host: identity.name, log })
  teardown.add('Events of the node', () => events.close())
  const agent: NodeAgent = new NodeAgent({
    ...{ client, identity, log },
    health: () => health.report(),
    runtime: () => runtime.description,
    images: () => runtime.images(),
    onEvent: (event) => events.report(event),
  })
  teardown.add('reports on the node', () => agent.close())
  return { agent, health, folders }
}
