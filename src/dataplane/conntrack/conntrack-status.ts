import type { EngineStatus } from '../../native/conntrack-events.ts'

/** Why a part is off: what the kernel or its permissions lack, and what to do about it. */
export interface Absence {
  readonly code: string
  readonly message: string
}

/** How connection tracking does, as one snapshot. */
export interface ConntrackStatus {
  /** Undefined while connections are counted. */
  readonly notCounted: Absence | undefined
  /** Undefined while stale connections are deleted. */
  readonly notCleaned: Absence | undefined
  /** Whether the kernel counts bytes and packets; undefined when it does not say. */
  readonly countsBytes: boolean | undefined
  /** Undefined while connections are not counted. */
  readonly engine: EngineStatus | undefined
  /** Stale connections deleted since the start. */
  readonly deleted: number
}
