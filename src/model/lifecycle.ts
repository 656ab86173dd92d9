import type { ProbeAction } from './probe.ts'

/** What is done to a container at an end of its life (core/v1 `LifecycleHandler`). */
export type LifecycleAction =
  | Extract<ProbeAction, { kind: 'exec' | 'httpGet' }>
  | { readonly kind: 'sleep'; readonly seconds: number }

/** core/v1 `Lifecycle`. */
export interface Lifecycle {
  /** Right after its start; a failure ends the container. */
  readonly postStart: LifecycleAction | undefined
  /** Before it is told to end, within its grace period. */
  readonly preStop: LifecycleAction | undefined
}

export const NO_LIFECYCLE: Lifecycle = { postStart: undefined, preStop: undefined }
