import type { ProxyMode } from '../../src/dataplane/proxy-modes.ts'
import type { StepKind } from './steps.ts'

/** How large the cluster is and how often something of it changes. */
export interface LoadSizes {
  readonly backend: ProxyMode
  readonly services: number
  /** Ready endpoints of each Service. */
  readonly endpoints: number
  /** Single changes that are counted. */
  readonly changes: number
  /** Single changes before them that are not. */
  readonly warmUp: number
  /** Batches of `BATCH_CHANGES` that are counted; as many as `BATCH_WARM_UP` before them are not. */
  readonly batches: number
}

/** Endpoints that change together in one batch. */
export const BATCH_CHANGES = 1000
export const BATCH_WARM_UP = 6

/** A time by what changed, in milliseconds. */
export interface ChangeTime {
  readonly kind: StepKind
  readonly ms: number
}

/** What the process with the service proxy measured of itself; times in milliseconds. */
export interface Measured {
  readonly cold: number
  /** Processor time of all threads during the cold load: what others on the machine do disturbs it least. */
  readonly coldCpu: number
  readonly changes: readonly ChangeTime[]
  readonly batches: readonly number[]
  readonly rssMib: number
  readonly rssPeakMib: number
  readonly syscallsCold: number
  readonly messagesCold: number
  /** Of the change of one endpoint that took most of them. */
  readonly messagesChange: number
  readonly eventLoopP99: number
  readonly eventLoopMax: number
}

/** What the native loop took for the very same transactions; times in milliseconds. */
export interface Floor {
  readonly cold: number
  readonly changes: readonly ChangeTime[]
  readonly batches: readonly number[]
  /** Kernel memory of what the cold load made; undefined where no control group tells. */
  readonly kernelMib: number | undefined
}
