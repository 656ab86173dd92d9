import type { PodAction, PodPlan } from './plan.ts'
import type { PodState } from './pod-state.ts'
import { graceLeft, nextToStop } from './stop-order.ts'

/** The next step of a pod's end: containers, sandboxes, then all that lies around them. */
export function planTeardown(state: PodState, now: number): PodPlan {
  const retryAt = state.removalFailure?.retryAt
  if (retryAt !== undefined && retryAt > now) return { images: [], action: undefined, wakeAt: retryAt }
  return { images: [], action: nextStep(state, now), wakeAt: undefined }
}

function nextStep({ pod, records, terminating }: PodState, now: number): PodAction {
  const running = records.containers.filter(({ state }) => state === 'running' || state === 'unknown')
  const [sandbox] = records.sandboxes
  if (running.length > 0) {
    const graceSeconds = terminating?.graceSeconds ?? sandbox?.graceSeconds ?? 0
    const left = graceLeft(graceSeconds, terminating?.since, now)
    return { kind: 'stopContainers', records: nextToStop(pod, running), graceSeconds: left }
  }
  if (sandbox !== undefined) return { kind: 'removeSandbox', sandbox }
  return { kind: 'cleanUp' }
}
