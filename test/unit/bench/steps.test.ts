import { describe, expect, it } from 'vitest'
import { SyntheticCluster } from '../../../bench/model.ts'
import { batches, singleSteps } from '../../../bench/programming/steps.ts'

/** The endpoints after each change, by the slice's name. */
const endpointsOf = (changes: ReturnType<SyntheticCluster['everything']>) =>
  changes.flatMap((change) =>
    change.kind === 'EndpointSlice' && change.object !== undefined
      ? [{ name: change.name, count: change.object.endpoints.length }]
      : [],
  )

describe('changes of the programming benchmark', () => {
  it('change one thing of a Service at a time and leave it as large as it was', () => {
    const steps = singleSteps(new SyntheticCluster(7, 3))
    const round = Array.from({ length: 5 }, () => steps.next().value)
    expect(round.map((step) => step?.kind)).toEqual(['replace', 'add', 'remove', 'service', undefined])
    const counts = round.slice(0, 3).flatMap((step) => endpointsOf([...(step?.changes ?? [])]))
    expect(counts.map(({ count }) => count)).toEqual([3, 4, 3])
    expect(new Set(counts.map(({ name }) => name)).size).toBe(1)
  })

  it('change so many Services together', () => {
    const rounds = batches(new SyntheticCluster(20, 3), 10)
    for (const count of [3, 4, 3]) {
      const changed = endpointsOf([...(rounds.next().value ?? [])])
      expect(new Set(changed.map(({ name }) => name)).size).toBe(10)
      expect(changed.every((change) => change.count === count)).toBe(true)
    }
  })
})
