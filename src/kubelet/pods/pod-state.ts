import type { ObjectName } from '../../model/object-name.ts'
import type { Pod } from '../../model/pod.ts'
import { ADOPTED, type ProbeVerdicts } from '../probes/verdicts.ts'
import type { ContainerRecord, PodRecords } from '../runtime/records.ts'

/** Something that did not work, and when to try again. */
export interface Failure {
  /** One word, as kubectl shows it (`CreateContainerError`). */
  readonly reason: string
  readonly message: string
  /** How often in a row. */
  readonly count: number
  /** ms since the epoch; undefined: not before something it depends on changes. */
  readonly retryAt: number | undefined
}

/** The image of one container. */
export type ImageState =
  /** `failure` is what came of the try before this one. */
  | { readonly kind: 'pulling'; readonly failure: Failure | undefined }
  | { readonly kind: 'present'; readonly id: string }
  | { readonly kind: 'failed'; readonly failure: Failure }

/** A pod is over before its containers are, or without their having been. */
export interface Conclusion {
  readonly phase: 'Succeeded' | 'Failed'
  /** Why, for the API; both empty where it was the API that said so. */
  readonly reason: string
  readonly message: string
  /** It was never let in: nothing of it is on this node. */
  readonly refused: boolean
}

export type VolumesState =
  | { readonly kind: 'unprepared' }
  | { readonly kind: 'ready' }
  /** Ready, but a ConfigMap or Secret in them is another one by now. */
  | { readonly kind: 'outdated' }
  | { readonly kind: 'failed'; readonly failure: Failure }

/** Everything known of one pod: what planner and status are computed from. A value; only `reduce` makes new ones. */
export interface PodState {
  readonly name: ObjectName
  readonly uid: string
  /** Undefined for one that only the runtime knows: it is to be removed. */
  readonly pod: Pod | undefined
  /** `since` is in ms since the epoch. */
  readonly terminating: { readonly graceSeconds: number; readonly since?: number } | undefined
  /** Its containers are to end, and it rests then. */
  readonly concluded: Conclusion | undefined
  /** When this process first saw it, in ms since the epoch; undefined for one that was there before. */
  readonly seenAt: number | undefined
  readonly records: PodRecords
  /** Of the snapshot clock: older snapshots do not know of effects that `records` has. */
  readonly recordsAsOf: number
  /** A snapshot was passed over for its age, and with it perhaps news. */
  readonly missedSnapshot: boolean
  /** A step failed and may have been done all the same: nothing more is done before a younger snapshot. */
  readonly inDoubt: boolean
  /** The runtime does not answer: `records` is the last that was known. */
  readonly runtimeAway: boolean
  readonly volumes: VolumesState
  /** By container name; absent until asked for. */
  readonly images: ReadonlyMap<string, ImageState>
  readonly sandboxFailure: Failure | undefined
  /** Highest attempt tried, whether or not the runtime has a record of it. */
  readonly sandboxAttempt: number
  /** Containers that could not be created, by name. */
  readonly containerFailures: ReadonlyMap<string, Failure>
  /** What ended containers left in their termination log, by container ID. */
  readonly terminationMessages: ReadonlyMap<string, string>
  /** What came of what is to be done after a start, by container ID; absent where nothing is. */
  readonly postStarts: ReadonlyMap<string, 'pending' | 'passed' | 'failed'>
  /** What probing said of containers, by container ID. */
  readonly probes: ReadonlyMap<string, ProbeVerdicts>
  /** Of a pod that is ending: the last runs of containers that the runtime has no record of any more, by name. */
  readonly ended: ReadonlyMap<string, ContainerRecord>
  /** A step that stops, removes or clears away failed. */
  readonly removalFailure: Failure | undefined
  /** Nothing is left of the pod, on disk or in the runtime. */
  readonly removed: boolean
}

export function initialPodState(
  name: ObjectName,
  uid: string,
  pod: Pod | undefined,
  records: PodRecords,
  recordsAsOf: number,
): PodState {
  return {
    name,
    uid,
    pod,
    terminating: undefined,
    concluded: undefined,
    seenAt: undefined,
    records,
    recordsAsOf,
    missedSnapshot: false,
    inDoubt: false,
    runtimeAway: false,
    volumes: { kind: 'unprepared' },
    images: new Map(),
    sandboxFailure: undefined,
    sandboxAttempt: -1,
    containerFailures: new Map(),
    terminationMessages: new Map(),
    postStarts: new Map(),
    probes: adopted(records, pod?.told.unready),
    ended: new Map(),
    removalFailure: undefined,
    removed: false,
  }
}

/** One that was told to be unready, by whichever kubelet, has its probes to pass yet. */
const adopted = (
  { containers }: PodRecords,
  unready: ReadonlySet<string> | undefined,
): ReadonlyMap<string, ProbeVerdicts> =>
  new Map(
    containers
      .filter(({ id, state }) => state === 'running' && unready?.has(id) !== true)
      .map(({ id }) => [id, ADOPTED]),
  )
