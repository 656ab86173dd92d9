import type { RealServerState } from '../../native/ipvs.ts'
import type { ProgrammedServer } from './ipvs-state.ts'
import type { ServerChange } from './plan.ts'
import { destName } from './virtual-servers.ts'

/** kube-proxy's rsGracefulDeletePeriod: nobody waits longer for the last connection to end. */
export const DRAIN_LIMIT_MS = 15 * 60_000
export const DRAIN_POLL_MS = 5_000

/**
 * The real servers to delete: those that take no new connections and have none left, or have had the time. `listed` is
 * what the kernel has for `server`; what it does not have any more is deleted too, so that it is forgotten.
 */
export function drained(
  { settings, dests, drainLimitMs }: ProgrammedServer,
  listed: readonly RealServerState[],
  now: number,
  defaultLimitMs: number,
): ServerChange[] {
  const limitMs = drainLimitMs ?? defaultLimitMs
  const connections = new Map(
    listed.map((dest) => [destName(dest), dest.activeConnections + dest.inactiveConnections]),
  )
  return [...dests.values()].flatMap((dest): ServerChange[] => {
    if (dest.drainingSince === undefined) return []
    const isOver = now - dest.drainingSince >= limitMs || (connections.get(destName(dest)) ?? 0) === 0
    return isOver ? [{ op: 'delete-dest', frontend: undefined, server: settings, dest }] : []
  })
}
