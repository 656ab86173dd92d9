import type { PodPhase } from '../../model/pod-status.ts'
import type { CountedContainerState, PodCounts } from '../metrics.ts'
import type { PodActor } from './actor.ts'

/** What the gauges show, counted when they are read. */
export function countPods(actors: Iterable<PodActor>): PodCounts {
  const containers: Record<CountedContainerState, number> = { created: 0, running: 0, exited: 0, unknown: 0 }
  const phases: Record<PodPhase, number> = { Pending: 0, Running: 0, Succeeded: 0, Failed: 0, Unknown: 0 }
  let runningPods = 0
  for (const { state, status } of actors) {
    phases[status.phase] += 1
    if (state.records.sandboxes.some(({ ready }) => ready)) runningPods += 1
    for (const record of state.records.containers) containers[record.state] += 1
  }
  return { runningPods, containers, phases }
}
