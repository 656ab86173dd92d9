import type { ConfigObject } from '../../model/config-object.ts'
import type { Container, Pod } from '../../model/pod.ts'
import type { ProbeKind } from '../../model/probe.ts'
import type { PulledImage } from '../images/image-store.ts'
import type { ProbeVerdict } from '../probes/verdicts.ts'
import type { ContainerRecord, PodRecords, SandboxRecord } from '../runtime/records.ts'
import type { PodAction } from './plan.ts'
import type { Failure } from './pod-state.ts'

/** Which ConfigMap or Secret. */
export type ConfigIdentity = Pick<ConfigObject, 'kind' | 'name'>

/** What a pod hears: wishes, news, and what came of its steps. */
export type PodEvent =
  | { readonly kind: 'desired'; readonly pod: Pod }
  | { readonly kind: 'terminate'; readonly graceSeconds: number }
  /** Its active deadline has passed. */
  | { readonly kind: 'deadlinePassed' }
  | { readonly kind: 'configChanged'; readonly config: ConfigIdentity }
  /** What containers are told of Services is known from now on. */
  | { readonly kind: 'servicesComplete' }
  | { readonly kind: 'observed'; readonly records: PodRecords; readonly sequence: number }
  /** Something in its volumes is to be written anew. */
  | { readonly kind: 'volumesOutdated' }
  | { readonly kind: 'runtimeAway' }
  | {
      readonly kind: 'probed'
      readonly containerId: string
      readonly probe: ProbeKind
      readonly verdict: ProbeVerdict
    }
  | { readonly kind: 'imageRequested'; readonly container: Container }
  | { readonly kind: 'imagePulling'; readonly container: Container }
  | {
      readonly kind: 'imagePresent'
      readonly container: Container
      readonly id: string
      /** How it came; undefined: it was there already. */
      readonly pull: PulledImage | undefined
    }
  | {
      readonly kind: 'imageFailed'
      readonly container: Container
      readonly failure: Failure
      /** The runtime's word, where a pull was made just now. */
      readonly pullError: string | undefined
    }
  /** Nothing is known of it after all: the runtime went away in between, or has removed it. */
  | { readonly kind: 'imageForgotten'; readonly container: Container }
  | StepOutcome

/** What came of one step; the runtime's records as the step left them. */
export type StepOutcome =
  | { readonly kind: 'volumesReady' }
  | {
      readonly kind: 'sandboxRunning'
      readonly sandbox: SandboxRecord
      /** What of the pod could not be as it was asked for. */
      readonly warnings?: readonly PodWarning[]
    }
  | { readonly kind: 'sandboxStopped'; readonly id: string }
  | { readonly kind: 'sandboxRemoved'; readonly id: string }
  | { readonly kind: 'containerStarted'; readonly container: Container; readonly record: ContainerRecord }
  | {
      readonly kind: 'containersChanged'
      readonly records: readonly ContainerRecord[]
      /** Containers that were ended although what was to come before that failed, by name. */
      readonly failedHooks?: readonly string[]
    }
  | {
      readonly kind: 'postStartEnded'
      readonly container: Container
      readonly id: string
      readonly passed: boolean
    }
  | { readonly kind: 'containerRemoved'; readonly id: string }
  | { readonly kind: 'terminationMessageRead'; readonly id: string; readonly message: string }
  | { readonly kind: 'cleanedUp' }
  | StepFailure

/** What people are to be told, with the kubelet's word for it. */
export interface PodWarning {
  readonly reason: string
  readonly message: string
}

export interface StepFailure {
  readonly kind: 'stepFailed'
  readonly action: PodAction
  readonly reason: string
  readonly message: string
  /**
   * `later`: after a back-off. `onChange`: it will not work before something it depends on changes. `imageGone`: the
   * image has to be brought in again first.
   */
  readonly retry: 'later' | 'onChange' | 'imageGone'
}
