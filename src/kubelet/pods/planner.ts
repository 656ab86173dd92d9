import type { Container, Pod } from '../../model/pod.ts'
import { fatalProbe, hasStarted, UNDECIDED } from '../probes/verdicts.ts'
import type { ContainerRecord, SandboxRecord } from '../runtime/records.ts'
import { deadlineOf } from './conclusion.ts'
import { podOutcome } from './outcome.ts'
import type { PodAction, PodPlan } from './plan.ts'
import type { Failure, PodState } from './pod-state.ts'
import { nextToStop } from './stop-order.ts'
import { planTeardown } from './teardown-planner.ts'
import { judge, recordsOf, roleOf, type Verdict } from './verdict.ts'

/**
 * The next step of a pod, from all that is known of it and the time. Pure, and decided anew after every step: there is
 * no memory of having been somewhere, so that a pod met in the middle of anything goes on from there.
 */
export function planPod(state: PodState, now: number): PodPlan {
  if (state.removed || state.runtimeAway || state.inDoubt)
    return { images: [], action: undefined, wakeAt: undefined }
  const { pod } = state
  if (pod === undefined || state.terminating !== undefined) return planTeardown(state, now)
  const planner = new Planner(state, pod, now)
  const action = planner.next()
  return {
    images: planner.images,
    action: planner.unlessFailed(action),
    wakeAt: sooner(planner.wakeAt, state),
  }
}

/** A deadline passes while nothing else happens. */
function sooner(wakeAt: number | undefined, state: PodState): number | undefined {
  const deadline = deadlineOf(state)
  return wakeAt === undefined || deadline === undefined ? (wakeAt ?? deadline) : Math.min(wakeAt, deadline)
}

const SHARED_BACKOFF: ReadonlySet<PodAction['kind']> = new Set([
  'readTerminationMessage',
  'stopContainers',
  'removeContainer',
  'stopSandbox',
  'removeSandbox',
] as const)

/** One planning: walks the pod's needs in order, and gathers on the way what time brings. */
class Planner {
  readonly images: Container[] = []
  wakeAt: number | undefined
  readonly #state: PodState
  readonly #pod: Pod
  readonly #now: number

  constructor(state: PodState, pod: Pod, now: number) {
    this.#state = state
    this.#pod = pod
    this.#now = now
  }

  next(): PodAction | undefined {
    const { records } = this.#state
    const unread = records.containers.find((it) => this.#isUnread(it))
    if (unread !== undefined) return { kind: 'readTerminationMessage', record: unread }

    const sandbox = records.sandboxes.find(({ ready }) => ready)
    const isOver = this.#state.concluded !== undefined || podOutcome(this.#pod, records) !== undefined
    if (isOver) return this.#end(sandbox)
    // What it must have and cannot: to run without would be wrong.
    if (this.#pod.unsupported.length > 0 && sandbox === undefined) return undefined
    this.#wantImages(sandbox)
    if (this.#needsVolumes()) return { kind: 'prepareVolumes' }
    if (this.#state.volumes.kind === 'failed') return undefined
    return sandbox === undefined ? this.#sandbox() : (this.#containers(sandbox) ?? this.#sweep(sandbox))
  }

  /** Steps that keep no back-off of their own share one. */
  unlessFailed(action: PodAction | undefined): PodAction | undefined {
    const { removalFailure } = this.#state
    if (action === undefined || removalFailure === undefined || !SHARED_BACKOFF.has(action.kind))
      return action
    return this.#isDue(removalFailure) ? action : undefined
  }

  /** What is left of a pod that is over: its logs and records stay, its address and processes need not. */
  #end(sandbox: SandboxRecord | undefined): PodAction | undefined {
    const records = nextToStop(this.#pod, this.#running())
    if (records.length > 0)
      return { kind: 'stopContainers', records, graceSeconds: this.#pod.terminationGracePeriodSeconds }
    return sandbox === undefined ? undefined : { kind: 'stopSandbox', sandbox }
  }

  #running(): readonly ContainerRecord[] {
    return this.#state.records.containers.filter(({ state }) => state === 'running' || state === 'unknown')
  }

  #isUnread(record: ContainerRecord): boolean {
    return record.state === 'exited' && !this.#state.terminationMessages.has(record.id)
  }

  /** All that are not running, before the sandbox is even there: pulls take longest and need nothing. */
  #wantImages(sandbox: SandboxRecord | undefined): void {
    const { initContainers, containers } = this.#pod
    for (const container of [...initContainers, ...containers]) {
      const verdict = this.#judge(container, sandbox)
      if (verdict.kind !== 'start') continue
      const image = this.#state.images.get(container.name)
      if (image === undefined || (image.kind === 'failed' && this.#isDue(image.failure)))
        this.images.push(container)
    }
  }

  #needsVolumes(): boolean {
    const { volumes } = this.#state
    if (volumes.kind === 'failed') return this.#isDue(volumes.failure)
    return volumes.kind !== 'ready'
  }

  /** The pod has no working sandbox: what an old one left running ends, then there is a new one. */
  #sandbox(): PodAction | undefined {
    const { records, sandboxFailure, sandboxAttempt } = this.#state
    const running = this.#running()
    if (running.length > 0) {
      return {
        kind: 'stopContainers',
        records: running,
        graceSeconds: this.#pod.terminationGracePeriodSeconds,
      }
    }
    if (sandboxFailure !== undefined && !this.#isDue(sandboxFailure)) return undefined
    const attempts = [sandboxAttempt, ...records.sandboxes.map(({ attempt }) => attempt)]
    return { kind: 'runSandbox', attempt: Math.max(...attempts) + 1 }
  }

  #containers(sandbox: SandboxRecord): PodAction | undefined {
    const begun = this.#hasBegun(sandbox)
    for (const container of this.#pod.initContainers) {
      if (begun && !container.sidecar) continue
      const verdict = this.#judge(container, sandbox)
      if (verdict.kind === 'ended') continue
      const action = this.#forContainer(container, verdict, sandbox)
      if (action !== undefined || !(begun || this.#isUp(container, verdict))) return action
    }
    for (const container of this.#pod.containers) {
      const action = this.#forContainer(container, this.#judge(container, sandbox), sandbox)
      if (action !== undefined) return action
    }
    return undefined
  }

  /** Once an ordinary container was made in this sandbox, all init containers had succeeded, whatever is left of them. */
  #hasBegun(sandbox: SandboxRecord): boolean {
    const names = new Set(this.#pod.containers.map(({ name }) => name))
    return this.#state.records.containers.some(
      ({ sandboxId, name }) => sandboxId === sandbox.id && names.has(name),
    )
  }

  /** A sidecar that has started: what comes after it may. */
  #isUp(container: Container, verdict: Verdict): boolean {
    if (!container.sidecar || verdict.kind !== 'running') return false
    return hasStarted(container, this.#state.probes.get(verdict.record.id) ?? UNDECIDED)
  }

  /** A new sandbox runs the init containers anew; what ordinary containers achieved in an old one counts. */
  #judge(container: Container, sandbox: SandboxRecord | undefined): Verdict {
    const role = roleOf(this.#pod, container)
    const records = recordsOf(container, this.#state.records.containers)
    const relevant = role !== 'main' ? records.filter(({ sandboxId }) => sandboxId === sandbox?.id) : records
    const verdict = judge(relevant, this.#pod.restartPolicy, role)
    // Names count on over sandboxes: restarts are restarts.
    return verdict.kind === 'start' && verdict.previous === undefined
      ? { ...verdict, attempt: (records[0]?.attempt ?? -1) + 1 }
      : verdict
  }

  #forContainer(container: Container, verdict: Verdict, sandbox: SandboxRecord): PodAction | undefined {
    switch (verdict.kind) {
      case 'running':
        return this.#forRunning(container, verdict.record)
      case 'ended':
        return undefined
      case 'startCreated': {
        const failure = this.#state.containerFailures.get(container.name)
        const isDue = failure === undefined || this.#isDue(failure)
        return isDue ? { kind: 'startCreated', record: verdict.record } : undefined
      }
      case 'stop':
        return {
          kind: 'stopContainers',
          records: [verdict.record],
          graceSeconds: this.#pod.terminationGracePeriodSeconds,
        }
      case 'start':
        return this.#start(container, verdict.attempt, verdict.notBefore, verdict.delayMs, sandbox)
    }
  }

  #forRunning(container: Container, record: ContainerRecord): PodAction | undefined {
    const hook = this.#state.postStarts.get(record.id)
    if (hook === 'pending') return { kind: 'runPostStart', record, container }
    const graceSeconds = this.#pod.terminationGracePeriodSeconds
    return hook === 'failed'
      ? { kind: 'stopContainers', records: [record], graceSeconds }
      : this.#endUnhealthy(container, record)
  }

  /** A container whose startup or liveness probe failed ends; what comes then is its restart policy's to say. */
  #endUnhealthy(container: Container, record: ContainerRecord): PodAction | undefined {
    const failed = fatalProbe(container, this.#state.probes.get(record.id) ?? UNDECIDED)
    if (failed === undefined) return undefined
    const graceSeconds = failed.terminationGracePeriodSeconds ?? this.#pod.terminationGracePeriodSeconds
    return { kind: 'stopContainers', records: [record], graceSeconds }
  }

  #start(
    container: Container,
    attempt: number,
    notBefore: number,
    restartDelayMs: number,
    sandbox: SandboxRecord,
  ): PodAction | undefined {
    const failure = this.#state.containerFailures.get(container.name)
    const image = this.#state.images.get(container.name)
    const isDue = failure === undefined || this.#isDue(failure)
    if (!this.#isPast(notBefore) || !isDue || image?.kind !== 'present') return undefined
    return { kind: 'startContainer', sandbox, container, attempt, restartDelayMs, imageId: image.id }
  }

  /** Old sandboxes that hold no container's latest run, and all but the latest two runs of each container. */
  #sweep(current: SandboxRecord): PodAction | undefined {
    const { sandboxes, containers } = this.#state.records
    const byName = new Map<string, ContainerRecord[]>()
    for (const record of containers) {
      byName.set(record.name, [...(byName.get(record.name) ?? []), record])
    }
    const latest = [...byName.values()].map(([first]) => first?.sandboxId)
    const stale = sandboxes.find(({ id }) => id !== current.id && !latest.includes(id))
    if (stale !== undefined) return { kind: 'removeSandbox', sandbox: stale }
    const old = [...byName.values()].flatMap((runs) => runs.slice(2)).find(({ state }) => state === 'exited')
    return old === undefined ? undefined : { kind: 'removeContainer', record: old }
  }

  #isDue(failure: Failure): boolean {
    return failure.retryAt !== undefined && this.#isPast(failure.retryAt)
  }

  /** Notes a time to come as one to wake at. */
  #isPast(time: number): boolean {
    if (time <= this.#now) return true
    this.wakeAt = Math.min(this.wakeAt ?? time, time)
    return false
  }
}
