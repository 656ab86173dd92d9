import type { IpAddress } from '../util/address.ts'
import type { ObjectName } from './object-name.ts'

/** core/v1 `PodPhase`. */
export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'

export type ContainerState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string }
  | { readonly kind: 'running'; readonly startedAt: number }
  | {
      readonly kind: 'terminated'
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
  /** It runs and has passed its startup probe, if it has one. */
  readonly started: boolean
  readonly restartCount: number
  readonly image: string
  /** CRI container ID, empty before the first creation. */
  readonly id: string
  readonly state: ContainerState
}

/** What the node says of a pod; times are ms since the epoch. */
export interface PodStatus {
  readonly name: ObjectName
  readonly uid: string
  readonly phase: PodPhase
  /** All containers ready: an endpoint of its Services. */
  readonly ready: boolean
  readonly terminating: boolean
  readonly podIPs: readonly IpAddress[]
  /** Why the pod is where it is, in one word for tables (`Running`, `CrashLoopBackOff`, `ImagePullBackOff`). */
  readonly reason: string
  readonly message: string
  readonly startedAt: number | undefined
  readonly initContainers: readonly ContainerStatus[]
  readonly containers: readonly ContainerStatus[]
}
