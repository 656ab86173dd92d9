import { setTimeout as sleep } from 'node:timers/promises'
import { cpuMs, residentMib } from '../cluster/process-usage.ts'
import type { NodeContestant } from './contest.ts'
import type { Side } from './side.ts'

/** What a node's process takes while its pods run and nothing happens. */
export interface Idle {
  /** Of one core. */
  readonly idleShare: number
  readonly rssMib: number
}

/** What starting leaves behind is over by then: reports that wait for each other, collections of garbage. */
const SETTLE_MS = 10_000

/** Nodes that idle take nothing from each other, and have the same minute. */
export async function idleTogether(
  sides: readonly Side<NodeContestant>[],
  { idlePods, idleSeconds }: { readonly idlePods: number; readonly idleSeconds: number },
): Promise<readonly Idle[]> {
  await Promise.all(sides.map((side) => side.contestant.start(side.names('idle', idlePods))))
  await sleep(SETTLE_MS)
  const idle = await Promise.all(sides.map(({ contestant }) => idleOf(contestant.pid, idleSeconds)))
  await Promise.all(sides.map((side) => side.contestant.remove(side.names('idle', idlePods))))
  return idle
}

async function idleOf(pid: number, seconds: number): Promise<Idle> {
  const [cpuBefore, began] = [await cpuMs(pid), performance.now()]
  await sleep(seconds * 1_000)
  const [cpuAfter, ended] = [await cpuMs(pid), performance.now()]
  return { idleShare: (cpuAfter - cpuBefore) / (ended - began), rssMib: await residentMib(pid) }
}
