import { describe, expect, it } from 'vitest'
import { programmingFigures, type Round } from '../../../bench/programming/figures.ts'

const round = (cold: number, floorCold: number, rssPeakMib: number): Round => ({
  measured: {
    cold,
    coldCpu: cold,
    changes: [0.2, 0.4, 0.3],
    rssMib: 100,
    rssPeakMib,
    syscallsCold: 4,
    messagesCold: 90,
    eventLoopP99: 3,
    eventLoopMax: 9,
  },
  floor: { cold: floorCold, changes: [0.01, 0.02, 0.03] },
  compared: undefined,
})

const figureOf = (rounds: readonly Round[], key: string): number | undefined =>
  programmingFigures(rounds, 10_000).find((figure) => figure.key === key)?.value

describe('figures of the programming suite', () => {
  it('compares cold commits within their own round before taking the median', () => {
    const rounds = [round(100, 50, 1), round(300, 100, 1), round(900, 180, 1)]
    expect(figureOf(rounds, 'cold_over_floor')).toBe(3)
    expect(figureOf(rounds, 'cold_ms')).toBe(300)
  })

  it('reports the highest memory of any round as the peak', () => {
    expect(figureOf([round(1, 1, 150), round(1, 1, 180), round(1, 1, 120)], 'rss_peak_mib')).toBe(180)
  })

  it('compares one change with one change of another size, when there is one', () => {
    const alone = round(1, 1, 1)
    expect(figureOf([alone], 'change_p50_over_compare')).toBeUndefined()
    const compared = { ...alone.measured, changes: [0.6, 0.6, 0.6] }
    expect(figureOf([{ ...alone, compared }], 'change_p50_over_compare')).toBeCloseTo(0.5)
  })

  it('bounds memory at the size that the bound is for, and at no other', () => {
    const bounded = (services: number) =>
      programmingFigures([round(1, 1, 1)], services).some((f) => f.key === 'rss_mib' && f.bound !== undefined)
    expect(bounded(10_000)).toBe(true)
    expect(bounded(44_000)).toBe(false)
  })
})
