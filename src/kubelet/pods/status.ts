import { splitObjectName } from '../../model/object-name.ts'
import type { Container, Pod } from '../../model/pod.ts'
import type { ContainerState, ContainerStatus, PodPhase, PodStatus } from '../../model/pod-status.ts'
import type { IpAddress } from '../../util/address.ts'
import { goDuration } from '../events/go-duration.ts'
import { hasStarted, isReady, UNDECIDED } from '../probes/verdicts.ts'
import type { ContainerRecord } from '../runtime/records.ts'
import { startOf } from './conclusion.ts'
import { podOutcome } from './outcome.ts'
import type { PodState } from './pod-state.ts'
import { judge, type Role, recordsOf, roleOf } from './verdict.ts'

/** What the node says of a pod, from all that is known of it and the time. Pure. */
export function podStatus(known: PodState, nodeAddresses: readonly IpAddress[], now: number): PodStatus {
  const state = withEnded(known)
  const { pod, records } = state
  const sandbox = records.sandboxes.find(({ ready }) => ready)
  const all = state.concluded?.refused === true ? undefined : pod
  const init = (all?.initContainers ?? []).map((it) => containerStatus(state, it, now))
  const main = (all?.containers ?? []).map((it) => containerStatus(state, it, now))
  const phase = phaseOf(state, main)
  const podIPs = pod?.hostNetwork === true && sandbox !== undefined ? nodeAddresses : (sandbox?.ips ?? [])
  const gates = pod === undefined ? [] : openGates(pod)
  const terminating = pod === undefined || state.terminating !== undefined
  return {
    name: state.name,
    uid: state.uid,
    ...(pod === undefined ? {} : { generation: pod.generation }),
    phase: state.runtimeAway ? 'Unknown' : phase,
    // A silent runtime does not stop its containers: they go on serving until it is known that they don't.
    ready:
      !terminating &&
      gates.length === 0 &&
      main.length > 0 &&
      lasting(init, main).every(({ ready }) => ready),
    terminating,
    sandboxReady: sandbox !== undefined,
    podIPs,
    ...explain(state, pod, phase, init, main),
    conclusion: concluded(state, phase),
    ...(gates.length === 0 ? {} : { openGates: gates }),
    startedAt: startOf(state),
    initContainers: init,
    containers: main,
  }
}

/** In the kubelet's words (pkg/kubelet/status/generate.go). */
const openGates = ({ readinessGates, told }: Pod): readonly string[] =>
  readinessGates.flatMap((gate) => {
    const status = told.gates.get(gate)
    if (status === 'True') return []
    return status === undefined
      ? [`corresponding condition of pod readiness gate "${gate}" does not exist.`]
      : [`the status of pod readiness gate "${gate}" is not "True", but ${status}`]
  })

/** The containers that are to run for as long as the pod does. */
const lasting = (init: readonly ContainerStatus[], main: readonly ContainerStatus[]) => [
  ...init.filter(({ sidecar }) => sidecar === true),
  ...main,
]

/** Containers that the runtime has no record of any more are as they ended. */
function withEnded(state: PodState): PodState {
  const { records, ended } = state
  if (ended.size === 0) return state
  const there = new Set(records.containers.map(({ name }) => name))
  const gone = [...ended.values()].filter(({ name }) => !there.has(name))
  return { ...state, records: { ...records, containers: [...records.containers, ...gone] } }
}

/** The rules of the API's own PodPhase; a pod that was ended is over with its last container (KEP-3329). */
function phaseOf(state: PodState, main: readonly ContainerStatus[]): PodPhase {
  const { pod, records, terminating, concluded } = state
  if (pod === undefined) return 'Running'
  const outcome = concluded?.phase ?? podOutcome(pod, records)
  // What still runs keeps a pod from being over, whatever was decided.
  if (outcome !== undefined && !records.containers.some((it) => it.state === 'running')) return outcome
  if (terminating !== undefined && main.length > 0 && main.every(({ state }) => state.kind === 'terminated'))
    return main.every(({ state }) => isFinished(state)) ? 'Succeeded' : 'Failed'
  // One that was never started keeps the pod from counting as such.
  return main.length > 0 && main.every(hasRun) ? 'Running' : 'Pending'
}

const hasRun = ({ state, lastTermination }: ContainerStatus): boolean =>
  state.kind !== 'waiting' || lastTermination !== undefined

const concluded = ({ concluded }: PodState, phase: PodPhase): PodStatus['conclusion'] =>
  concluded === undefined || concluded.reason === '' || phase !== concluded.phase
    ? undefined
    : { reason: concluded.reason, message: concluded.message }

function containerStatus(state: PodState, container: Container, now: number): ContainerStatus {
  const [latest, previous] = recordsOf(container, state.records.containers)
  const role = state.pod === undefined ? 'main' : roleOf(state.pod, container)
  const current = containerState(state, container, latest, role, now)
  const succeeded = current.kind === 'terminated' && current.exitCode === 0
  const verdicts = state.probes.get(latest?.id ?? '') ?? UNDECIDED
  // What is to be done after its start is not done yet.
  const runs = current.kind === 'running' && state.postStarts.get(latest?.id ?? '') !== 'pending'
  return {
    name: container.name,
    ready: role === 'init' ? succeeded : runs && isReady(container, verdicts),
    started: runs && hasStarted(container, verdicts),
    ...(role === 'sidecar' ? { sidecar: true } : {}),
    restartCount: latest?.attempt ?? 0,
    image: container.image,
    imageId: latest?.imageId ?? '',
    id: latest?.id ?? '',
    state: current,
    lastTermination: lastTermination(state, current, latest, previous),
  }
}

/** The run before what `state` shows: the last one, when it shows that another is waited for. */
function lastTermination(
  { terminationMessages }: PodState,
  current: ContainerState,
  latest: ContainerRecord | undefined,
  previous: ContainerRecord | undefined,
): ContainerStatus['lastTermination'] {
  const last = current.kind === 'waiting' && latest?.state === 'exited' ? latest : previous
  return last?.state === 'exited' ? terminated(last, terminationMessages) : undefined
}

function containerState(
  state: PodState,
  container: Container,
  latest: ContainerRecord | undefined,
  role: Role,
  now: number,
): ContainerState {
  if (latest === undefined || latest.state === 'created')
    return obstacle(state, container) ?? notYet(state, role)
  if (latest.state === 'running') return { kind: 'running', startedAt: latest.startedAt }
  if (latest.state === 'unknown') {
    // As if it had been killed, by which it may be started again (128 + SIGKILL).
    const reason = 'ContainerStatusUnknown'
    const { startedAt, finishedAt } = latest
    return {
      kind: 'terminated',
      exitCode: 137,
      reason,
      message: LOST,
      startedAt,
      finishedAt: Math.max(startedAt, finishedAt),
    }
  }
  const verdict = judge([latest], state.pod?.restartPolicy ?? 'Never', role)
  if (verdict.kind === 'start' && state.terminating === undefined) {
    const blocked = obstacle(state, container)
    if (blocked !== undefined) return blocked
    if (verdict.notBefore > now)
      return waiting('CrashLoopBackOff', crashLoopMessage(state, container, verdict.delayMs))
  }
  return terminated(latest, state.terminationMessages)
}

const LOST = 'The runtime lost track of the container'

const terminated = (
  { id, exitCode, reason, message, startedAt, finishedAt }: ContainerRecord,
  messages: PodState['terminationMessages'],
): Extract<ContainerState, { kind: 'terminated' }> => ({
  kind: 'terminated',
  id,
  exitCode,
  reason: reason === '' ? (exitCode === 0 ? 'Completed' : 'Error') : reason,
  message: messages.get(id) || message,
  startedAt,
  finishedAt,
})

/** What keeps a container from being started. */
function obstacle(state: PodState, container: Container): ContainerState | undefined {
  const image = state.images.get(container.name)
  const missing = image?.kind === 'failed' || image?.kind === 'pulling' ? image.failure : undefined
  const failure = state.containerFailures.get(container.name) ?? missing
  return failure === undefined ? undefined : waiting(failure.reason, failure.message)
}

/** The API's word for a pod that has not begun; why it has not, its Events say. */
function notYet({ pod }: PodState, role: Role): ContainerState {
  if (pod !== undefined && pod.unsupported.length > 0)
    return waiting('UnsupportedField', pod.unsupported.join('; '))
  const hasInit = (pod?.initContainers.length ?? 0) > 0
  return waiting(role === 'main' && hasInit ? 'PodInitializing' : 'ContainerCreating', '')
}

const waiting = (reason: string, message: string): ContainerState => ({ kind: 'waiting', reason, message })

/** The kubelet's words (pkg/kubelet/kuberuntime/kuberuntime_manager.go: doBackOff). */
function crashLoopMessage({ name: pod, uid }: PodState, container: Container, delayMs: number): string {
  const { namespace, name } = splitObjectName(pod)
  return `back-off ${goDuration(delayMs)} restarting failed container=${container.name} pod=${name}_${namespace}(${uid})`
}

/** The pod in one word and one sentence: what keeps it from running, or that it runs. Words as in kubectl's table. */
function explain(
  state: PodState,
  pod: Pod | undefined,
  phase: PodPhase,
  init: readonly ContainerStatus[],
  main: readonly ContainerStatus[],
): { reason: string; message: string } {
  if (state.runtimeAway) {
    return { reason: 'RuntimeUnavailable', message: 'the container runtime does not answer' }
  }
  if (pod === undefined || state.terminating !== undefined) {
    return { reason: 'Terminating', message: state.removalFailure?.message ?? '' }
  }
  const conclusion = concluded(state, phase)
  if (conclusion !== undefined) return conclusion
  if (phase === 'Succeeded') return { reason: 'Completed', message: '' }
  const begun = main.some(({ id }) => id !== '')
  const pendingInit = begun
    ? undefined
    : init.findIndex((it) => (it.sidecar === true ? !it.started : !it.ready))
  const blocked = pendingInit === undefined ? undefined : init[pendingInit]
  if (blocked !== undefined) {
    const { reason, message } = summary(blocked, state)
    const counted = reason === 'Running' || reason === 'ContainerCreating' || reason === 'PodInitializing'
    return { reason: `Init:${counted ? `${pendingInit}/${init.length}` : reason}`, message }
  }
  const culprit = main.find(({ state }) => state.kind !== 'running' && !isFinished(state))
  return culprit === undefined ? { reason: 'Running', message: unhealthy(state) } : summary(culprit, state)
}

/** What the probes of running containers miss; empty when all pass. */
function unhealthy({ pod, records, probes }: PodState): string {
  const misses = (pod?.containers ?? []).flatMap((container) => {
    const [latest] = recordsOf(container, records.containers)
    const verdicts = Object.entries(probes.get(latest?.id ?? '') ?? UNDECIDED)
    return verdicts
      .filter(([, { passed }]) => !passed)
      .map(([kind, { message }]) => `${kind} probe of ${container.name} fails: ${message}`)
  })
  return misses.join('; ')
}

const isFinished = (state: ContainerState): boolean => state.kind === 'terminated' && state.exitCode === 0

function summary(
  { state, lastTermination: last }: ContainerStatus,
  pod: PodState,
): { reason: string; message: string } {
  if (state.kind === 'running') return { reason: 'Running', message: '' }
  const isBeginning = state.reason === 'ContainerCreating' || state.reason === 'PodInitializing'
  const { volumes, sandboxFailure } = pod
  const trouble = volumes.kind === 'failed' ? volumes.failure : sandboxFailure
  if (isBeginning && trouble !== undefined) return { reason: trouble.reason, message: trouble.message }
  const ended =
    last === undefined || state.kind !== 'waiting'
      ? ''
      : `: the last run ended with exit code ${last.exitCode} (${last.reason})`
  return { reason: state.reason, message: `${state.message}${ended}` }
}
