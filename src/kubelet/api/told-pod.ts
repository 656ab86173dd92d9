import { isRecord } from '../../kube/kube-object.ts'

export interface ToldCondition {
  readonly status: string
  /** lastTransitionTime, as it was written. */
  readonly time: string
}

/** What was told last of a pod, by whichever kubelet: since when each of its conditions has been as it is, by type. */
export function toldConditions(pod: unknown): ReadonlyMap<string, ToldCondition> {
  const status = isRecord(pod) && isRecord(pod.status) ? pod.status : {}
  const conditions: readonly unknown[] = Array.isArray(status.conditions) ? status.conditions : []
  const told = new Map<string, ToldCondition>()
  for (const condition of conditions) {
    if (!isRecord(condition)) continue
    const { type, status, lastTransitionTime: time } = condition
    if (typeof type === 'string' && typeof status === 'string' && typeof time === 'string')
      told.set(type, { status, time })
  }
  return told
}

/** Somebody has deleted this very pod, and its kubelet has not. */
export const isEnding = (pod: unknown, uid: string): boolean =>
  isRecord(pod) &&
  isRecord(pod.metadata) &&
  pod.metadata.uid === uid &&
  typeof pod.metadata.deletionTimestamp === 'string'
