import { readFileSync } from 'node:fs'
import { type InterfaceCounters, parseNetDev } from './network.ts'
import type { PodUsage } from './usage-reader.ts'

/**
 * The interfaces of a pod, as one of its processes sees them. Undefined for a pod in the node's own network, which has no
 * address of its own, and when the process is gone.
 */
export function podInterfaces(
  { sandbox }: PodUsage,
  processes: readonly number[],
): readonly InterfaceCounters[] | undefined {
  const [first] = processes
  if (first === undefined || sandbox.ips.length === 0) return undefined
  try {
    return parseNetDev(readFileSync(`/proc/${first}/net/dev`, 'latin1'))
  } catch {
    return undefined
  }
}
