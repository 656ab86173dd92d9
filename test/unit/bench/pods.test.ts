import { describe, expect, it } from 'vitest'
import { contestPods } from '../../../bench/pods/contest.ts'
import { podFigures } from '../../../bench/pods/figures.ts'
import type { PodStarter } from '../../../bench/pods/starter.ts'
import type { Pod } from '../../../src/model/pod.ts'

/** Notes what is asked of it; a pod is there from its start to its removal. */
class NotingStarter implements PodStarter {
  readonly there = new Set<string>()
  most = 0
  readonly #begin: () => void

  constructor(begin: () => void) {
    this.#begin = begin
  }

  async start(pod: Pod): Promise<void> {
    if (this.there.size === 0) this.#begin()
    this.there.add(pod.uid)
    this.most = Math.max(this.most, this.there.size)
  }

  async remove(pod: Pod): Promise<void> {
    this.there.delete(pod.uid)
  }

  async close(): Promise<void> {}
}

describe('the pods contest', () => {
  it('lets the sides begin in turns and counts no warm-up', async () => {
    const order: string[] = []
    const hawser = new NotingStarter(() => order.push('hawser'))
    const floor = new NotingStarter(() => order.push('floor'))
    const times = await contestPods(hawser, floor, { starts: 2, pods: 4, parallelRounds: 1 })
    expect(order.slice(0, 6)).toEqual(['hawser', 'floor', 'floor', 'hawser', 'hawser', 'floor'])
    expect(times.hawser.starts).toHaveLength(2)
    expect(times.floor.starts).toHaveLength(2)
    expect(times.hawser.parallel).toHaveLength(1)
  })

  it('has as many pods at once as asked for, and none left at the end', async () => {
    const hawser = new NotingStarter(() => {})
    const floor = new NotingStarter(() => {})
    await contestPods(hawser, floor, { starts: 1, pods: 4, parallelRounds: 1 })
    expect([hawser.most, floor.most]).toEqual([4, 4])
    expect([hawser.there.size, floor.there.size]).toEqual([0, 0])
  })
})

describe('figures of the pods suite', () => {
  const contest = {
    hawser: { starts: [150, 160, 170], parallel: [1000, 1250] },
    floor: { starts: [140, 145, 150], parallel: [1000, 1000] },
  }
  const figureOf = (key: string) => podFigures(contest, 20, 80).find((figure) => figure.key === key)?.value

  it('says how much Hawser adds to the median start', () => {
    expect(figureOf('start_over_floor_p50_ms')).toBe(15)
  })

  it('compares rates within a round, so that slower than the floor is below one', () => {
    expect(figureOf('parallel_rate_ratio')).toBe(0.8)
    expect(figureOf('floor_parallel_per_s')).toBe(20)
  })
})
