import { describe, expect, it } from 'vitest'
import type { Difference } from '../../differential/compare.ts'
import type { Probe } from '../../differential/probes.ts'
import { judge, type Suspicion } from '../../differential/suspicion.ts'

const probe: Probe = {
  ...{ step: 0, asker: 'client', protocol: 'TCP', family: 'IPv4', address: '10.96.1.10', port: 80 },
  ...{ way: 'cluster IP', draft: undefined },
}
const fates = (theirs: string, ours: string): Difference => ({
  probe,
  theirs: new Set([theirs]),
  ours: new Set([ours]),
})
const suspicion = (difference: Difference, rules: readonly string[] = []): Suspicion => ({
  ...{ step: 0, mode: 'iptables', differences: [difference], rules },
})
const judged = (before: Difference, now: Difference, isWanted = false) =>
  judge(suspicion(before), { fates: [now], rules: [] }, () => isWanted)

describe('a difference that was seen once', () => {
  it('is real when it is there again', () => {
    expect(judged(fates('rejected', 'dropped'), fates('rejected', 'dropped')).real).toHaveLength(1)
  })

  it('is kube-proxy’s when that comes to what Hawser had made of it', () => {
    const judgement = judged(fates('rejected', 'dropped'), fates('dropped', 'dropped'))
    expect(judgement).toMatchObject({ real: [], changedByUs: [] })
    expect(judgement.changedByThem).toHaveLength(1)
  })

  it('is ours when Hawser comes to what it was not the first time', () => {
    const { real, changedByUs } = judged(fates('rejected', 'dropped'), fates('rejected', 'rejected'))
    expect(real).toEqual([])
    expect(changedByUs).toEqual([fates('dropped', 'rejected')])
  })

  it('is none of these when it turns out to be wanted, and Hawser stays with it', () => {
    expect(judged(fates('rejected', 'dropped'), fates('rejected', 'dropped'), true).real).toEqual([])
  })
})

it('rules differ when they differ both times', () => {
  const before = suspicion(fates('dropped', 'dropped'), ['one', 'two'])
  const again = { fates: [fates('dropped', 'dropped')], rules: ['two', 'three'] }
  expect(judge(before, again, () => false).rules).toEqual(['two'])
})
