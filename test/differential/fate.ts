import type { Answer } from '../support/agent.ts'
import type { Probe } from './probes.ts'

/** All that came of one probe: `rejected`, `dropped`, or `pod-1 saw itself`, … */
export type Fate = ReadonlySet<string>

/** `own` is the address that the asker used; undefined where the kernel chose among several. */
export function outcomeOf(answer: Answer, own: string | undefined): string {
  if (answer.kind === 'silent') return 'dropped'
  if (answer.kind === 'refused')
    return answer.code === 'ECONNREFUSED' ? 'rejected' : `failed with ${answer.code}`
  return `${answer.from} saw ${answer.seenAs === own ? 'the asker' : answer.seenAs}`
}

export const formatFate = (fate: Fate): string => [...fate].sort().join(', ')

export const isAnswered = (fate: Fate): boolean => [...fate].some((outcome) => outcome.includes(' saw '))

/** One address met several endpoints of a Service with affinity. */
export const WANDERING = 'no affinity'

export const isSticky = ({ draft }: Probe): boolean => (draft?.state.affinitySeconds ?? 0) > 0

/**
 * Whether two proxies give a probe one fate. Of a pod that asks a Service with affinity each sees one endpoint, and it
 * need not be the same.
 */
export function areAlike(probe: Probe, a: Fate, b: Fate): boolean {
  if (isSticky(probe) && probe.asker.startsWith('pod')) {
    const [[first = '', ...more], [second = '', ...others]] = [a, b]
    const isOneEach = more.length === 0 && others.length === 0 && isAnswered(a) && isAnswered(b)
    if (isOneEach && serverOf(first) !== serverOf(second)) return true
  }
  return a.size === b.size && [...a].every((item) => b.has(item))
}

const serverOf = (outcome: string): string => outcome.replace(/ saw .*/, '')
