import type { NodeFacts } from './node-facts.ts'
import { shortName, takeSnapshot } from './snapshot.ts'

/** What keeps a node from being as its folder wants it, one line each; empty when nothing does. */
export function notReady(facts: NodeFacts): readonly string[] {
  const lines: string[] = []
  for (const [name, pod] of facts.pods) {
    const status = facts.statuses.get(name)
    if (status?.uid === pod.uid && (status.ready || status.phase === 'Succeeded')) continue
    const state = status?.uid === pod.uid ? status.reason || status.phase : 'not begun'
    const message = status?.message === undefined || status.message === '' ? '' : `: ${status.message}`
    lines.push(`pod ${shortName(name)} is not ready (${state}${message})`)
  }
  for (const name of facts.statuses.keys())
    if (!facts.pods.has(name)) lines.push(`pod ${shortName(name)} of a former run is still there`)
  for (const row of takeSnapshot(facts).services)
    if (row.state === 'not in the kernel') lines.push(`Service ${row.service} is not in the kernel`)
  for (const { lastError } of facts.proxy.families) if (lastError !== undefined) lines.push(lastError.message)
  return lines
}
