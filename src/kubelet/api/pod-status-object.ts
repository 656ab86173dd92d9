import type { Pod } from '../../model/pod.ts'
import type { ContainerState, ContainerStatus, PodStatus } from '../../model/pod-status.ts'
import type { IpAddress } from '../../util/address.ts'
import { qosClass } from '../pods/resources.ts'
import { apiTime } from './api-time.ts'

/** core/v1 PodCondition, as far as the node decides it. */
export interface PodCondition {
  readonly type: 'PodReadyToStartContainers' | 'Initialized' | 'ContainersReady' | 'Ready' | 'PodScheduled'
  readonly status: 'True' | 'False'
  readonly reason?: string
  readonly message?: string
}

/** The conditions of a pod, with the kubelet's own reasons. Pure. */
export function podConditions(status: PodStatus): readonly PodCondition[] {
  const { phase, sandboxReady, initContainers, containers, openGates = [] } = status
  const ended = phase === 'Succeeded' || phase === 'Failed'
  const completed =
    phase === 'Succeeded' ? { reason: 'PodCompleted' } : ended ? { reason: 'PodFailed' } : undefined
  const begun = containers.some(({ id }) => id !== '')
  const uninitialized =
    ended || begun ? [] : initContainers.filter((it) => (it.sidecar === true ? !it.started : !it.ready))
  const sidecars = initContainers.filter(({ sidecar }) => sidecar === true)
  const unready = [...sidecars, ...containers].filter(({ ready }) => !ready)
  const condition = (
    type: PodCondition['type'],
    missing: string | undefined,
    reason: string,
  ): PodCondition =>
    missing === undefined
      ? {
          type,
          status: 'True',
          ...(type === 'Initialized' && completed?.reason === 'PodCompleted' ? completed : {}),
        }
      : { type, status: 'False', ...(completed ?? { reason, message: missing }) }
  const readiness =
    ended || unready.length > 0 ? `containers with unready status: ${list(unready)}` : undefined
  return [
    { type: 'PodReadyToStartContainers', status: sandboxReady ? 'True' : 'False' },
    condition(
      'Initialized',
      uninitialized.length === 0 ? undefined : `containers with incomplete status: ${list(uninitialized)}`,
      'ContainersNotInitialized',
    ),
    condition('ContainersReady', readiness, 'ContainersNotReady'),
    readiness === undefined && openGates.length > 0
      ? { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: openGates.join(', ') }
      : condition('Ready', readiness, 'ContainersNotReady'),
    // Of a pod that was bound by hand nobody else says so.
    { type: 'PodScheduled', status: 'True' },
  ]
}

const list = (containers: readonly ContainerStatus[]): string =>
  `[${containers.map(({ name }) => name).join(' ')}]`

/** What is written beside the conditions. */
export interface StatusContext {
  readonly hostIPs: readonly IpAddress[]
  /** `containerd`: container IDs are told as `containerd://ID`. */
  readonly runtimeName: string
}

/**
 * `status` of a core/v1 Pod but for its conditions, as a strategic merge patch: `podIPs` would be merged, and is to be
 * replaced. Pure.
 */
export function podStatusObject(pod: Pod | undefined, status: PodStatus, context: StatusContext): object {
  const { hostIPs, runtimeName } = context
  const [podIP] = status.podIPs
  const containers = (list: readonly ContainerStatus[]) => list.map((it) => containerStatus(it, runtimeName))
  return {
    phase: status.phase,
    ...(status.conclusion ?? {}),
    ...(pod === undefined ? {} : { qosClass: qosClass(pod) }),
    ...(pod === undefined ? {} : { observedGeneration: pod.generation }),
    ...(hostIPs[0] === undefined ? {} : { hostIP: hostIPs[0], hostIPs: hostIPs.map((ip) => ({ ip })) }),
    ...(podIP === undefined
      ? {}
      : { podIP, podIPs: [{ $patch: 'replace' }, ...status.podIPs.map((ip) => ({ ip }))] }),
    ...(status.startedAt === undefined ? {} : { startTime: apiTime(status.startedAt) }),
    initContainerStatuses: containers(status.initContainers),
    containerStatuses: containers(status.containers),
  }
}

const containerStatus = (container: ContainerStatus, runtimeName: string): object => ({
  name: container.name,
  ready: container.ready,
  started: container.started,
  restartCount: container.restartCount,
  image: container.image,
  imageID: container.imageId,
  ...(container.id === '' ? {} : { containerID: `${runtimeName}://${container.id}` }),
  state: containerState(container.state, runtimeName),
  lastState:
    container.lastTermination === undefined ? {} : containerState(container.lastTermination, runtimeName),
})

function containerState(state: ContainerState, runtimeName: string): object {
  switch (state.kind) {
    case 'waiting':
      return {
        waiting: { reason: state.reason, ...(state.message === '' ? {} : { message: state.message }) },
      }
    case 'running':
      return { running: { startedAt: apiTime(state.startedAt) } }
    case 'terminated':
      return {
        terminated: {
          exitCode: state.exitCode,
          reason: state.reason,
          ...(state.message === '' ? {} : { message: state.message }),
          startedAt: apiTime(state.startedAt),
          finishedAt: apiTime(state.finishedAt),
          ...(state.id === undefined ? {} : { containerID: `${runtimeName}://${state.id}` }),
        },
      }
  }
}
