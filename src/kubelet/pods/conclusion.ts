import type { Pod } from '../../model/pod.ts'
import type { Refusal } from '../admission/admit.ts'
import type { PodRecords } from '../runtime/records.ts'
import { podOutcome } from './outcome.ts'
import type { Conclusion, PodState } from './pod-state.ts'

/** The words of the kubelet (pkg/kubelet/active_deadline.go). */
export const DEADLINE_EXCEEDED: Conclusion = {
  phase: 'Failed',
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
  refused: false,
}

export const refused = ({ reason, message }: Refusal): Conclusion => ({
  phase: 'Failed',
  reason,
  message: `Pod was rejected: ${message}`,
  refused: true,
})

/** What others have told the API server of a pod's end, where its containers do not say the same. */
export function toldConclusion(pod: Pod, records: PodRecords): Conclusion | undefined {
  const phase = pod.told.ended
  if (phase === undefined || podOutcome(pod, records) !== undefined) return undefined
  return { phase, reason: '', message: '', refused: false }
}

/** When a pod's active deadline passes, in ms since the epoch; undefined where it has none, or is over already. */
export function deadlineOf(state: PodState): number | undefined {
  const { pod, terminating, concluded, records } = state
  const startedAt = startOf(state)
  if (pod?.activeDeadlineSeconds === undefined || startedAt === undefined) return undefined
  if (terminating !== undefined || concluded !== undefined || podOutcome(pod, records) !== undefined)
    return undefined
  return startedAt + pod.activeDeadlineSeconds * 1_000
}

/** When the node took the pod on, in ms since the epoch: as it was told once, whatever process told it. */
export function startOf({ pod, seenAt, records }: PodState): number | undefined {
  const began = records.sandboxes.map(({ createdAt }) => createdAt)
  const first = began.length === 0 ? undefined : Math.min(...began)
  return pod?.told.startedAt ?? seenAt ?? first
}
