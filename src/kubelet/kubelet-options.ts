import type { Registry } from '../metrics/registry.ts'
import type { IpAddress } from '../util/address.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import type { NodeRoom } from './admission/admit.ts'
import type { PodEventReport } from './events/pod-event-report.ts'
import type { ClusterDns } from './pods/pod-dns.ts'
import type { TokenSource } from './volumes/token-source.ts'

export interface KubeletOptions {
  /** CRI socket: `unix:///absolute/path.sock`. */
  readonly endpoint: string
  /** Absolute. Pods' volumes and logs lie in it; which pods are ours is told by it, too. */
  readonly stateDir: string
  readonly nodeName: string
  readonly nodeAddresses: readonly IpAddress[]
  readonly registry: Registry
  readonly log: Logger
  readonly clock?: Clock
  /** Where service account tokens come from; without it no pod can have one. */
  readonly tokens?: TokenSource
  /** Undefined where there is no cluster: pods look up names as the node does. */
  readonly clusterDns?: ClusterDns
  /** How the node looks up names; empty: it does not. By default that is found out. */
  readonly resolvConf?: string
  /** No container is made before `servicesComplete` is called, since it is told of Services. */
  readonly waitsForServices?: boolean
  /**
   * Which of the runtime's pods it is for. `own`: those that it made itself, told by its state folder (the default);
   * `node`: all that kubelets of this node made, as a cluster's kubelet is.
   */
  readonly pods?: 'own' | 'node'
  /** It is told of static pods too, so that those of the runtime that it is not told of are to end. */
  readonly knowsStaticPods?: boolean
  /** Where answers to probes are counted; by default with everything else. */
  readonly probeRegistry?: Registry
  /** Hears when the runtime stops answering. */
  readonly onRuntimeAway?: () => void
  /** Absolute folder of containers' logs; by default one in the state folder. */
  readonly logsDir?: string
  /** What pods have to fit into; undefined: whatever is wanted is tried. */
  readonly room?: () => NodeRoom
  /** Hears what people are to be told of pods. */
  readonly onEvent?: (event: PodEventReport) => void
}
