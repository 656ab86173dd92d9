import type { PodPhase } from '../../model/pod-status.ts'
import type { CountedContainerState, Lifecycle, Origin, PodCounts } from '../metrics.ts'
import { CONFIG_SOURCE, isStatic } from '../runtime/labels.ts'
import type { PodActor } from './actor.ts'
import { podOutcome } from './outcome.ts'
import type { PodState } from './pod-state.ts'

/** What the gauges show, counted when they are read. */
export function countPods(actors: Iterable<PodActor>): PodCounts {
  const containers: Record<CountedContainerState, number> = { created: 0, running: 0, exited: 0, unknown: 0 }
  const phases: Record<PodPhase, number> = { Pending: 0, Running: 0, Succeeded: 0, Failed: 0, Unknown: 0 }
  const active: Record<Origin, number> = { api: 0, static: 0, runtime: 0 }
  const none = (): Record<Lifecycle, number> => ({ sync: 0, terminating: 0, terminated: 0 })
  const working: Record<Origin, Record<Lifecycle, number>> = { api: none(), static: none(), runtime: none() }
  let runningPods = 0
  for (const { state, status } of actors) {
    phases[status.phase] += 1
    if (state.records.sandboxes.some(({ ready }) => ready)) runningPods += 1
    for (const record of state.records.containers) containers[record.state] += 1
    const [origin, lifecycle] = [originOf(state), lifecycleOf(state)]
    working[origin][lifecycle] += 1
    if (lifecycle !== 'terminated') active[origin] += 1
  }
  return { runningPods, containers, phases, active, working }
}

function originOf({ pod }: PodState): Origin {
  if (pod === undefined) return 'runtime'
  return isStatic(pod.annotations.get(CONFIG_SOURCE)) ? 'static' : 'api'
}

function lifecycleOf({ pod, terminating, concluded, records }: PodState): Lifecycle {
  const isOver = concluded !== undefined || (pod !== undefined && podOutcome(pod, records) !== undefined)
  if (!isOver && terminating === undefined && pod !== undefined) return 'sync'
  return records.containers.some(({ state }) => state === 'running') ? 'terminating' : 'terminated'
}
