import type { EventReport } from '../../kube/event-series.ts'
import type { NodeCondition } from './conditions.ts'

/** The kubelet's words (pkg/kubelet/events) for a condition that has become true and for one that is so no more. */
const REASONS: Readonly<Record<string, Readonly<Record<NodeCondition['status'], string>>>> = {
  Ready: { True: 'NodeReady', False: 'NodeNotReady' },
  MemoryPressure: { True: 'NodeHasInsufficientMemory', False: 'NodeHasSufficientMemory' },
  DiskPressure: { True: 'NodeHasDiskPressure', False: 'NodeHasNoDiskPressure' },
  PIDPressure: { True: 'NodeHasInsufficientPID', False: 'NodeHasSufficientPID' },
}

/** The API asks for an action, which the kubelet's Events do not have. */
const ACTION = 'ReportNode'

/** What is said when a condition of the node has changed. */
export function conditionEvent(nodeName: string, { type, status }: NodeCondition): EventReport {
  const reason = REASONS[type]?.[status] ?? type
  return event(nodeName, 'Normal', reason, `Node ${nodeName} status is now: ${reason}`)
}

export const startEvent = (nodeName: string): EventReport =>
  event(nodeName, 'Normal', 'Starting', 'Starting kubelet.')

/** The machine has booted since its Node was last told of. */
export const rebootEvent = (nodeName: string, bootId: string): EventReport =>
  event(nodeName, 'Warning', 'Rebooted', `Node ${nodeName} has been rebooted, boot id: ${bootId}`)

const event = (nodeName: string, type: EventReport['type'], reason: string, note: string): EventReport => ({
  // The kubelet writes the name in place of the UID, and `kubectl describe node` looks for that.
  regarding: { apiVersion: 'v1', kind: 'Node', name: nodeName, uid: nodeName },
  ...{ type, reason, action: ACTION, note },
})
