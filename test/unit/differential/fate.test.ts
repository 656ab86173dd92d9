import { describe, expect, it } from 'vitest'
import { areAlike, outcomeOf } from '../../differential/fate.ts'
import type { Probe } from '../../differential/probes.ts'
import { randomWorld } from '../../differential/random-world.ts'

const [draft] = randomWorld(1).services
const probe = (asker: Probe['asker'], affinitySeconds: number): Probe => ({
  ...{ step: 0, asker, protocol: 'TCP', family: 'IPv4', address: '10.96.1.10', port: 80, way: 'cluster IP' },
  draft: draft && { ...draft, state: { ...draft.state, affinitySeconds } },
})

describe('the fate of a probe', () => {
  it('says who answered and whether they saw the asker itself', () => {
    const answer = { kind: 'answered', from: 'pod-1', seenAs: '10.1.2.2', ms: 1 } as const
    expect(outcomeOf(answer, '10.1.2.2')).toBe('pod-1 saw the asker')
    expect(outcomeOf(answer, '10.1.1.2')).toBe('pod-1 saw 10.1.2.2')
  })

  it('differs when the same endpoint saw another source', () => {
    const [a, b] = [new Set(['pod-1 saw the asker']), new Set(['pod-1 saw 172.20.0.1'])]
    expect(areAlike(probe('client', 0), a, b)).toBe(false)
    expect(areAlike(probe('pod-1', 60), a, b)).toBe(false)
  })

  it('is alike when affinity gave one pod different endpoints, and only then', () => {
    const [a, b] = [new Set(['pod-1 saw 10.1.1.1']), new Set(['pod-2 saw the asker'])]
    expect(areAlike(probe('pod-1', 60), a, b)).toBe(true)
    expect(areAlike(probe('pod-1', 0), a, b)).toBe(false)
    expect(areAlike(probe('client', 60), a, b)).toBe(false)
    expect(areAlike(probe('pod-1', 60), a, new Set(['rejected']))).toBe(false)
  })
})
