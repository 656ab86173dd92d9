import type { Pressure } from './pressure.ts'

/** How a node is, for its conditions. */
export interface HealthReport {
  /** Why the node cannot run pods; undefined when it can. */
  readonly notReady: string | undefined
  readonly pressure: Pressure
}

/** core/v1 NodeCondition. */
export interface NodeCondition {
  readonly type: string
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
}

const condition =
  (status: 'True' | 'False') =>
  (type: string, reason: string, message: string): NodeCondition => ({ type, status, reason, message })
const holds = condition('True')
const doesNot = condition('False')

/**
 * The conditions that the node controller and the scheduler look at, in the words that the kubelet uses for them: people
 * and their alerts know them.
 */
export const nodeConditions = ({ notReady, pressure }: HealthReport): readonly NodeCondition[] => [
  pressure.memory
    ? holds('MemoryPressure', 'KubeletHasInsufficientMemory', 'kubelet has insufficient memory available')
    : doesNot('MemoryPressure', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
  pressure.disk
    ? holds('DiskPressure', 'KubeletHasDiskPressure', 'kubelet has disk pressure')
    : doesNot('DiskPressure', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
  pressure.pids
    ? holds('PIDPressure', 'KubeletHasInsufficientPID', 'kubelet has insufficient PID available')
    : doesNot('PIDPressure', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
  notReady === undefined
    ? holds('Ready', 'KubeletReady', 'kubelet is posting ready status')
    : doesNot('Ready', 'KubeletNotReady', notReady),
]
