import { isDeepStrictEqual } from 'node:util'
import { configKey, configOf, configOfVolumes } from '../../model/config-references.ts'
import { splitObjectName } from '../../model/object-name.ts'
import type { Container, Pod } from '../../model/pod.ts'
import { type Backoff, backoffDelay } from '../../util/backoff.ts'
import type { ContainerRecord, PodRecords } from '../runtime/records.ts'
import { DEADLINE_EXCEEDED, toldConclusion } from './conclusion.ts'
import type { PodAction } from './plan.ts'
import type { ConfigIdentity, PodEvent, StepFailure } from './pod-event.ts'
import type { Failure, PodState, VolumesState } from './pod-state.ts'

/** The kubelet's own for creating a container (`MaxContainerBackOff`); the others are short because they cost little. */
const BACKOFF = {
  container: { firstMs: 10_000, maxMs: 300_000 },
  /** A kubelet that was killed in the middle of it may have asked already: the runtime refuses until that is over. */
  created: { firstMs: 250, maxMs: 300_000 },
  sandbox: { firstMs: 1_000, maxMs: 60_000 },
  volumes: { firstMs: 1_000, maxMs: 60_000 },
  removal: { firstMs: 500, maxMs: 30_000 },
} satisfies Record<string, Backoff>

/** The state after an event. Pure. `sequence` is the snapshot clock's time now, for what steps did. */
export function reduce(state: PodState, event: PodEvent, now: number, sequence: number): PodState {
  return withEnded(state.records, next(state, event, now, sequence), now)
}

function next(state: PodState, event: PodEvent, now: number, sequence: number): PodState {
  switch (event.kind) {
    case 'desired':
      return onDesired(state, event.pod)
    case 'terminate':
      return {
        ...state,
        terminating: { graceSeconds: event.graceSeconds, since: state.terminating?.since ?? now },
      }
    case 'deadlinePassed':
      return { ...state, concluded: DEADLINE_EXCEEDED }
    case 'configChanged':
      return onConfigChanged(state, event.config)
    case 'servicesComplete':
      return { ...state, containerFailures: lastingFailures(state) }
    case 'observed':
      if (event.sequence < state.recordsAsOf) return { ...state, missedSnapshot: true }
      return {
        ...state,
        records: event.records,
        runtimeAway: false,
        inDoubt: false,
        missedSnapshot: false,
      }
    case 'runtimeAway':
      return { ...state, runtimeAway: true, recordsAsOf: sequence }
    case 'volumesOutdated':
      return { ...state, volumes: afterChange(state.volumes) }
    case 'probed': {
      const { containerId, probe, verdict } = event
      const verdicts = { ...state.probes.get(containerId), [probe]: verdict }
      return { ...state, probes: with_(state.probes, containerId, verdicts) }
    }
    case 'imageRequested':
      return withImage(state, event.container.name, { kind: 'pulling', failure: lastFailure(state, event) })
    // Asked for it is already; that it takes a pull is news for people alone.
    case 'imagePulling':
      return state
    case 'imagePresent':
      return withImage(state, event.container.name, { kind: 'present', id: event.id })
    case 'imageFailed':
      return withImage(state, event.container.name, { kind: 'failed', failure: event.failure })
    case 'imageForgotten':
      return { ...state, images: without(state.images, event.container.name) }
    case 'volumesReady':
      return { ...state, volumes: { kind: 'ready' } }
    case 'postStartEnded': {
      const { id, passed } = event
      return { ...state, postStarts: with_(state.postStarts, id, passed ? 'passed' : 'failed') }
    }
    case 'terminationMessageRead':
      return { ...state, terminationMessages: with_(state.terminationMessages, event.id, event.message) }
    case 'cleanedUp':
      return { ...state, removed: true }
    case 'stepFailed':
      return onStepFailed(
        isLocal(event.action) ? state : { ...state, inDoubt: true, recordsAsOf: sequence },
        event,
        now,
      )
    default:
      return { ...onRuntimeStep(state, event), recordsAsOf: sequence }
  }
}

/** An ending pod's containers leave the runtime one by one; what they came to is to be told all the same. */
function withEnded(before: PodRecords, state: PodState, now: number): PodState {
  if (state.terminating === undefined || before === state.records) return state
  const there = new Set(state.records.containers.map(({ name }) => name))
  const left = before.containers.filter(({ name }) => !there.has(name)).reverse()
  if (left.length === 0) return state
  const ended = left.map(
    (record) => [record.name, record.state === 'exited' ? record : lost(record, now)] as const,
  )
  return { ...state, ended: new Map([...state.ended, ...ended]) }
}

/** It ran when it was last seen; whoever took it away did it by force. 137: 128 + SIGKILL. */
const lost = (record: ContainerRecord, now: number): ContainerRecord => ({
  ...record,
  state: 'exited',
  finishedAt: now,
  exitCode: 137,
  reason: 'ContainerStatusUnknown',
})

/** Steps that the runtime has no part in. */
const isLocal = ({ kind }: PodAction): boolean =>
  kind === 'prepareVolumes' || kind === 'readTerminationMessage' || kind === 'cleanUp'

type RuntimeStep = Extract<
  PodEvent,
  {
    kind:
      | 'sandboxRunning'
      | 'sandboxStopped'
      | 'sandboxRemoved'
      | 'containerStarted'
      | 'containersChanged'
      | 'containerRemoved'
  }
>

function onRuntimeStep(state: PodState, event: RuntimeStep): PodState {
  const { records } = state
  const { sandboxes, containers } = records
  switch (event.kind) {
    case 'sandboxRunning': {
      const { attempt } = event.sandbox
      const added = { ...records, sandboxes: [event.sandbox, ...sandboxes] }
      return { ...state, records: added, sandboxFailure: undefined, sandboxAttempt: attempt }
    }
    case 'sandboxStopped': {
      const stopped = sandboxes.map((it) => (it.id === event.id ? { ...it, ready: false, ips: [] } : it))
      return { ...state, records: { ...records, sandboxes: stopped }, removalFailure: undefined }
    }
    case 'sandboxRemoved': {
      const kept = {
        sandboxes: sandboxes.filter(({ id }) => id !== event.id),
        containers: containers.filter(({ sandboxId }) => sandboxId !== event.id),
      }
      return { ...state, records: kept, removalFailure: undefined }
    }
    case 'containerStarted': {
      const { name, imagePullPolicy, lifecycle } = event.container
      const { id, state: began } = event.record
      const hasHook = lifecycle.postStart !== undefined && began === 'running'
      return {
        ...state,
        records: upsert(records, [event.record]),
        containerFailures: without(state.containerFailures, name),
        postStarts: hasHook ? with_(state.postStarts, id, 'pending') : state.postStarts,
        // What was pulled was for this start alone.
        images: imagePullPolicy === 'Always' ? without(state.images, name) : state.images,
      }
    }
    case 'containersChanged':
      return { ...state, records: upsert(records, event.records), removalFailure: undefined }
    case 'containerRemoved':
      return {
        ...state,
        records: { sandboxes, containers: containers.filter(({ id }) => id !== event.id) },
        probes: without(state.probes, event.id),
        postStarts: without(state.postStarts, event.id),
        removalFailure: undefined,
      }
  }
}

/** Another version of the same pod: what failed for the old one may work now. */
function onDesired(state: PodState, desired: Pod): PodState {
  const pod = keepingParts(state.pod, desired)
  const concluded = state.concluded ?? toldConclusion(pod, state.records)
  // What the API server was told of it, by this node first of all, is no change of what it should be.
  if (state.pod !== undefined && isDeepStrictEqual({ ...pod, told: state.pod.told }, state.pod))
    return { ...state, pod, concluded }
  const before = new Map(containersOf(state.pod).map(({ name, image }) => [name, image]))
  const changed = containersOf(pod).filter(({ name, image }) => before.get(name) !== image)
  const images = new Map(state.images)
  for (const { name } of changed) images.delete(name)
  return {
    ...state,
    pod,
    concluded,
    images,
    volumes: afterChange(state.volumes),
    sandboxFailure: undefined,
    containerFailures: new Map(),
  }
}

/** Containers that are as they were stay the same objects: whoever asks them on their behalf goes on counting. */
function keepingParts(before: Pod | undefined, pod: Pod): Pod {
  const kept = (list: 'initContainers' | 'containers'): readonly Container[] =>
    pod[list].map((container) => before?.[list].find((it) => isDeepStrictEqual(it, container)) ?? container)
  return { ...pod, initContainers: kept('initContainers'), containers: kept('containers') }
}

function onConfigChanged(state: PodState, config: ConfigIdentity): PodState {
  const { pod, volumes } = state
  if (pod === undefined) return state
  const { namespace, name } = splitObjectName(config.name)
  const key = configKey({ kind: config.kind, name })
  if (splitObjectName(state.name).namespace !== namespace || !configOf(pod).has(key)) return state
  const isShown = configOfVolumes(pod).has(key)
  return {
    ...state,
    volumes: isShown ? afterChange(volumes) : volumes,
    containerFailures: lastingFailures(state),
  }
}

/** Those that have a time to try again at; the others wait for a change of what they depend on. */
const lastingFailures = ({ containerFailures }: PodState): PodState['containerFailures'] =>
  new Map([...containerFailures].filter(([, failure]) => failure.retryAt !== undefined))

const afterChange = ({ kind }: VolumesState): VolumesState =>
  kind === 'ready' || kind === 'outdated' ? { kind: 'outdated' } : { kind: 'unprepared' }

function onStepFailed(state: PodState, event: StepFailure, now: number): PodState {
  const { action } = event
  const failed = (backoff: Backoff, previous: Failure | undefined): Failure => {
    const count = (previous?.count ?? 0) + 1
    const retryAt = event.retry === 'onChange' ? undefined : now + backoffDelay(backoff, count)
    return { reason: event.reason, message: event.message, count, retryAt }
  }
  switch (action.kind) {
    case 'prepareVolumes': {
      const previous = state.volumes.kind === 'failed' ? state.volumes.failure : undefined
      return { ...state, volumes: { kind: 'failed', failure: failed(BACKOFF.volumes, previous) } }
    }
    case 'runSandbox': {
      const sandboxFailure = failed(BACKOFF.sandbox, state.sandboxFailure)
      return { ...state, sandboxFailure, sandboxAttempt: action.attempt }
    }
    // The runtime was away, or the node is at fault: it is done once more.
    case 'runPostStart':
      return state
    case 'startCreated':
    case 'startContainer': {
      const { name } = action.kind === 'startContainer' ? action.container : action.record
      const backoff = action.kind === 'startCreated' ? BACKOFF.created : BACKOFF.container
      const failure = failed(backoff, state.containerFailures.get(name))
      if (event.retry !== 'imageGone') {
        return { ...state, containerFailures: with_(state.containerFailures, name, failure) }
      }
      // Once the image is back there is nothing to wait for; if that was not it, there is.
      const retryAt = failure.count === 1 ? now : failure.retryAt
      return {
        ...state,
        images: without(state.images, name),
        containerFailures: with_(state.containerFailures, name, { ...failure, retryAt }),
      }
    }
    default:
      return { ...state, removalFailure: failed(BACKOFF.removal, state.removalFailure) }
  }
}

const containersOf = (pod: Pod | undefined) =>
  pod === undefined ? [] : [...pod.initContainers, ...pod.containers]

/** Replaces records of the same ID, adds the others; newest first, as everywhere. */
function upsert(records: PodRecords, changed: readonly ContainerRecord[]): PodRecords {
  const byId = new Map([...records.containers, ...changed].map((record) => [record.id, record]))
  const containers = [...byId.values()].sort((a, b) => b.attempt - a.attempt)
  return { ...records, containers }
}

const withImage = (
  state: PodState,
  container: string,
  image: PodState['images'] extends ReadonlyMap<string, infer I> ? I : never,
): PodState => ({ ...state, images: with_(state.images, container, image) })

function lastFailure(
  { images }: PodState,
  { container }: Extract<PodEvent, { kind: 'imageRequested' }>,
): Failure | undefined {
  const image = images.get(container.name)
  return image?.kind === 'failed' || image?.kind === 'pulling' ? image.failure : undefined
}

const with_ = <Value>(map: ReadonlyMap<string, Value>, key: string, value: Value) =>
  new Map(map).set(key, value)

function without<Value>(map: ReadonlyMap<string, Value>, key: string): ReadonlyMap<string, Value> {
  const copy = new Map(map)
  copy.delete(key)
  return copy
}
