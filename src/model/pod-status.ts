import type { IpAddress } from '../util/address.ts'
import type { ObjectName } from './object-name.ts'

/** core/v1 `PodPhase`. */
export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'

export type ContainerState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string }
  | { readonly kind: 'running'; readonly startedAt: number }
  | {
      readonly kind: 'terminated'
      /** CRI container ID of the run that ended. */
      readonly id?: string
      readonly exitCode: number
      readonly reason: string
      readonly message: string
      readonly startedAt: number
      readonly finishedAt: number
    }

export interface ContainerStatus {
  readonly name: string
  /** It runs and its probes find nothing amiss; an init container: it succeeded. */
  readonly ready: boolean
  /** An init container that goes on beside the others. */
  readonly sidecar?: boolean
  /** It runs and has passed its startup probe, if it has one. */
  readonly started: boolean
  readonly restartCount: number
  readonly image: string
  /** As the runtime knows it; empty before it is there. */
  readonly imageId: string
  /** CRI container ID, empty before the first creation. */
  readonly id: string
  readonly state: ContainerState
  /** How the run before this one ended. */
  readonly lastTermination: Extract<ContainerState, { kind: 'terminated' }> | undefined
}

/** What the node says of a pod; times are ms since the epoch. */
export interface PodStatus {
  readonly name: ObjectName
  readonly uid: string
  /** Of the spec that this is the state of; absent for a pod that only the runtime knows. */
  readonly generation?: number
  readonly phase: PodPhase
  /** All containers ready: an endpoint of its Services. */
  readonly ready: boolean
  readonly terminating: boolean
  /** It has a sandbox with a network. */
  readonly sandboxReady: boolean
  readonly podIPs: readonly IpAddress[]
  /** Why the pod is where it is, in one word for tables (`Running`, `CrashLoopBackOff`, `ImagePullBackOff`). */
  readonly reason: string
  readonly message: string
  /** What others have to say before it is ready, one sentence a condition (readiness gates). */
  readonly openGates?: readonly string[]
  /** Why it is over, where that is not its containers' doing. */
  readonly conclusion?: { readonly reason: string; readonly message: string } | undefined
  readonly startedAt: number | undefined
  readonly initContainers: readonly ContainerStatus[]
  readonly containers: readonly ContainerStatus[]
}
