import { describe, expect, it } from 'vitest'
import type { NodeContest, NodeMeasured } from '../../../bench/node/contest.ts'
import { nodeFigures } from '../../../bench/node/figures.ts'
import { type Figure, missedFigures } from '../../../bench/report.ts'

const measured = (fields: Partial<NodeMeasured> = {}): NodeMeasured => ({
  single: [300, 310, 320],
  batch: [3_000, 6_000, 3_300],
  writesToStart: 6,
  writesToEnd: 11,
  idleShare: 0.01,
  rssMib: 100,
  ...fields,
})

const contest = (fields: Partial<NodeMeasured> = {}, peer?: NodeMeasured): NodeContest => ({
  hawser: measured(fields),
  floor: { single: [240, 250, 260], batch: [3_000, 5_000, 3_000] },
  peer,
})

const figureOf = (figures: readonly Figure[], key: string): number | undefined =>
  figures.find((figure) => figure.key === key)?.value

const missed = (of: NodeContest): readonly string[] =>
  missedFigures({ suite: 'node', parameters: {}, figures: nodeFigures(of, 50), host: HOST }).map(
    ({ key }) => key,
  )

const HOST = { cpu: '', cores: 2, memory_mib: 1, kernel: '', node: '', load_before: 0 }

describe('figures of a node', () => {
  it('compare pods at once with the floor of the same round', () => {
    expect(figureOf(nodeFigures(contest(), 50), 'batch50_ratio')).toBe(1.1)
  })

  it('say what is added to the floor', () => {
    expect(figureOf(nodeFigures(contest(), 50), 'over_floor_p50_ms')).toBe(60)
  })

  it('have nothing of a peer without one', () => {
    expect(nodeFigures(contest(), 50).filter(({ key }) => key.includes('peer'))).toEqual([])
  })

  it('miss no bound within them', () => {
    expect(missed(contest({}, measured({ single: [500] })))).toEqual([])
  })

  it.each([
    ['over_floor_p50_ms', { single: [351] }],
    ['batch50_ratio', { batch: [4_000] }],
    ['api_writes_per_pod', { writesToStart: 8.1 }],
    ['idle_core_share', { idleShare: 0.031 }],
    ['rss_mib', { rssMib: 131 }],
  ])('miss the bound of %s beyond it', (key, fields) => {
    expect(missed(contest(fields))).toEqual([key])
  })

  it("miss the bound of the peer's start", () => {
    expect(missed(contest({}, measured({ single: [387] })))).toEqual(['start_over_peer'])
  })
})
