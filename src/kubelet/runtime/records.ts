import type { ObjectName } from '../../model/object-name.ts'
import type { IpAddress } from '../../util/address.ts'

/** A sandbox as the runtime has it; times are ms since the epoch. */
export interface SandboxRecord {
  readonly id: string
  readonly pod: ObjectName
  readonly podUid: string
  /** Counts the sandboxes of one pod; part of their names in the runtime. */
  readonly attempt: number
  readonly ready: boolean
  readonly createdAt: number
  /** Empty in the node's network namespace, and once the sandbox is stopped. */
  readonly ips: readonly IpAddress[]
  readonly graceSeconds: number
  /** Its manifest came from the node itself. */
  readonly isStatic: boolean
}

/** core/v1 container states as CRI names them. `created` was never started. */
export type ContainerRecordState = 'created' | 'running' | 'exited' | 'unknown'

/** A container as the runtime has it; times are ms since the epoch, 0 for what has not happened. */
export interface ContainerRecord {
  readonly id: string
  readonly sandboxId: string
  readonly podUid: string
  readonly name: string
  /** Earlier starts of this container in this pod. */
  readonly attempt: number
  readonly state: ContainerRecordState
  readonly createdAt: number
  readonly startedAt: number
  readonly finishedAt: number
  readonly exitCode: number
  readonly reason: string
  readonly message: string
  /** The runtime's own name of what it runs. */
  readonly imageId: string
  /** The crash-loop delay that came before this start. */
  readonly restartDelayMs: number
  /** Path on the node of what it leaves as its last words, where the runtime knows of it. */
  readonly terminationLog?: string
}

/** Everything the runtime has of one pod, newest first. */
export interface PodRecords {
  readonly sandboxes: readonly SandboxRecord[]
  readonly containers: readonly ContainerRecord[]
}

export const NO_RECORDS: PodRecords = { sandboxes: [], containers: [] }
