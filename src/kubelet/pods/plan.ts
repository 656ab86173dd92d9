import type { Container } from '../../model/pod.ts'
import type { ContainerRecord, SandboxRecord } from '../runtime/records.ts'

/** One step of a pod's life. Steps of a pod run one after the other; each is harmless when repeated. */
export type PodAction =
  | { readonly kind: 'prepareVolumes' }
  | { readonly kind: 'runSandbox'; readonly attempt: number }
  /** Creates and starts a container. */
  | {
      readonly kind: 'startContainer'
      readonly sandbox: SandboxRecord
      readonly container: Container
      readonly attempt: number
      readonly restartDelayMs: number
      readonly imageId: string
    }
  /** What is to be done right after the start of a container. */
  | { readonly kind: 'runPostStart'; readonly record: ContainerRecord; readonly container: Container }
  /** Starts one that was created before. */
  | { readonly kind: 'startCreated'; readonly record: ContainerRecord }
  | { readonly kind: 'readTerminationMessage'; readonly record: ContainerRecord }
  /** All at once. */
  | {
      readonly kind: 'stopContainers'
      readonly records: readonly ContainerRecord[]
      readonly graceSeconds: number
    }
  | { readonly kind: 'removeContainer'; readonly record: ContainerRecord }
  | { readonly kind: 'stopSandbox'; readonly sandbox: SandboxRecord }
  /** With every container in it. */
  | { readonly kind: 'removeSandbox'; readonly sandbox: SandboxRecord }
  /** Volumes, cgroups and logs: nothing of the pod is left afterwards. */
  | { readonly kind: 'cleanUp' }

/** What to do now. With nothing to do, the pod rests until it hears something or it is `wakeAt`. */
export interface PodPlan {
  /** Containers whose images are wanted; they come in beside the actions, all at once. */
  readonly images: readonly Container[]
  readonly action: PodAction | undefined
  /** ms since the epoch. */
  readonly wakeAt: number | undefined
}
