import type { ContainerRecord } from '../runtime/records.ts'

/** KubeletConfiguration's crash-loop back-off as documented: 10 s, doubling, at most 300 s. */
const FIRST_MS = 10_000
const MAX_MS = 300_000
/** A run of this length forgives the crashes before it. */
const FORGIVE_MS = 600_000

/**
 * What the next start of a container that ended waits for. The first restart is immediate, then 10 s, 20 s, …, 300 s.
 * Each container carries the delay that came before it, so the next one follows from the last alone: a restart of
 * Hawser forgets nothing.
 */
export function crashLoopDelay(ended: ContainerRecord): number {
  // One that never started has no start time.
  const ranMs = ended.startedAt === 0 ? 0 : ended.finishedAt - ended.startedAt
  if (ranMs >= FORGIVE_MS) return 0
  if (ended.attempt === 0) return 0
  if (ended.restartDelayMs === 0) return FIRST_MS
  return Math.min(ended.restartDelayMs * 2, MAX_MS)
}
