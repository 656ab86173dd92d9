import { describe, expect, it } from 'vitest'
import { datapathFigures, type Round } from '../../../bench/datapath/figures.ts'
import type { Sample } from '../../../bench/datapath/traffic.ts'

const sample = (perSecond: number): Sample => ({
  flows: 10,
  perSecond,
  cpuUs: 1e6 / perSecond,
  p50Us: 20,
  p99Us: 40,
})

const round = (direct: number, rule: number, services: number): Round => {
  const lanes = new Map([
    ['direct', sample(direct)],
    ['rule', sample(rule)],
    ['10', sample(services)],
  ])
  return { tcp: lanes, udp: lanes }
}

const figureOf = (rounds: readonly Round[], key: string, bounded = true) =>
  datapathFigures(rounds, ['10'], bounded).find((figure) => figure.key === key)

describe('figures of the datapath suite', () => {
  it('compares a lane with the fixed rule of its own round before taking the median', () => {
    const rounds = [round(200, 100, 90), round(400, 300, 240), round(900, 500, 500)]
    expect(figureOf(rounds, 'tcp_10_over_rule')?.value).toBeCloseTo(0.9)
    expect(figureOf(rounds, 'tcp_10_per_s')?.value).toBe(240)
    expect(figureOf(rounds, 'tcp_rule_over_direct')?.value).toBeCloseTo(500 / 900)
  })

  it('says how far apart the rounds were', () => {
    const rounds = [round(200, 100, 90), round(400, 100, 95), round(900, 100, 100)]
    expect(figureOf(rounds, 'udp_10_over_rule_spread')?.value).toBeCloseTo(0.1)
  })

  it('bounds what has to keep up with the fixed rule, and nothing else', () => {
    const rounds = [round(200, 100, 90)]
    expect(figureOf(rounds, 'tcp_10_over_rule')?.bound).toEqual({ atLeast: 0.97 })
    expect(figureOf(rounds, 'tcp_10_over_rule', false)?.bound).toBeUndefined()
    expect(figureOf(rounds, 'tcp_10_over_direct')?.bound).toBeUndefined()
  })
})
