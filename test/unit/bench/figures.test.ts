import { describe, expect, it } from 'vitest'
import { programmingFigures, type Round } from '../../../bench/programming/figures.ts'
import type { ChangeTime, LoadSizes } from '../../../bench/programming/load.ts'
import type { Figure } from '../../../bench/report.ts'

const times = (...ms: readonly number[]): ChangeTime[] => ms.map((time) => ({ kind: 'add', ms: time }))

const round = (cold: number, floorCold: number, rssPeakMib: number): Round => ({
  measured: {
    cold,
    coldCpu: cold,
    changes: times(0.2, 0.4, 0.3),
    batches: [8, 9],
    rssMib: 100,
    rssPeakMib,
    syscallsCold: 4,
    messagesCold: 90,
    messagesChange: 5,
    eventLoopP99: 3,
    eventLoopMax: 9,
  },
  floor: { cold: floorCold, changes: times(0.01, 0.02, 0.03), batches: [1, 2], kernelMib: 7 },
  compared: new Map(),
})

const sizes = (fields: Partial<LoadSizes> = {}): LoadSizes => ({
  backend: 'nftables',
  services: 10_000,
  endpoints: 5,
  changes: 3,
  warmUp: 0,
  batches: 2,
  ...fields,
})

const figureOf = (
  rounds: readonly Round[],
  key: string,
  fields: Partial<LoadSizes> = {},
): Figure | undefined => programmingFigures(rounds, sizes(fields)).find((figure) => figure.key === key)

describe('figures of the programming suite', () => {
  it('compares cold commits within their own round before taking the median', () => {
    const rounds = [round(100, 50, 1), round(300, 100, 1), round(900, 180, 1)]
    expect(figureOf(rounds, 'cold_over_floor')?.value).toBe(3)
    expect(figureOf(rounds, 'cold_ms')?.value).toBe(300)
  })

  it('reports the highest memory of any round as the peak', () => {
    expect(figureOf([round(1, 1, 150), round(1, 1, 180), round(1, 1, 120)], 'rss_peak_mib')?.value).toBe(180)
  })

  it('compares one change with one change at another size, when there is one', () => {
    const alone = round(1, 1, 1)
    expect(figureOf([alone], 'change_p50_over_100')).toBeUndefined()
    const compared = new Map([[100, { ...alone.measured, changes: times(0.6, 0.6, 0.6) }]])
    expect(figureOf([{ ...alone, compared }], 'change_p50_over_100')?.value).toBeCloseTo(0.5)
  })

  it('tells kinds of change apart, and leaves out a kind that never happened', () => {
    expect(figureOf([round(1, 1, 1)], 'add_p50_ms')?.value).toBe(0.3)
    expect(figureOf([round(1, 1, 1)], 'service_p50_ms')).toBeUndefined()
  })

  it('bounds memory at the sizes that the bounds are for, and at no other', () => {
    const bound = (services: number) => figureOf([round(1, 1, 1)], 'rss_mib', { services })?.bound
    expect(bound(10_000)).toEqual({ atMost: 150 })
    expect(bound(44_000)).toEqual({ atMost: 350 })
    expect(bound(20_000)).toBeUndefined()
  })

  it('has no floor figures for a backend without a floor, and bounds of its own', () => {
    const { floor, ...rest } = round(1, 1, 1)
    const rounds = [{ ...rest, floor: undefined }]
    expect(floor).toBeDefined()
    for (const key of ['floor_cold_ms', 'cold_over_floor', 'floor_change_p50_ms', 'kernel_mib'])
      expect(figureOf(rounds, key, { backend: 'ipvs' }), key).toBeUndefined()
    expect(figureOf(rounds, 'messages_change', { backend: 'ipvs' })?.bound).toEqual({ atMost: 3 })
    expect(figureOf(rounds, 'messages_change')?.bound).toBeUndefined()
  })
})
