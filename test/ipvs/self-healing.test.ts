import { beforeAll, expect, it } from 'vitest'
import { observe } from './scenario.ts'
import type { HealingObservations } from './scenarios/self-healing.ts'

let seen: HealingObservations

beforeAll(async () => {
  seen = await observe<HealingObservations>('self-healing')
})

it.each([
  'ipvsadm -C',
  'ip link delete kube-ipvs0',
  'ip link set kube-ipvs0 down',
  'sysctl net.ipv4.vs.conntrack=0',
])('%s is mended within two seconds', (what) => {
  // A quiet machine audits this in a few hundredths of a second; one with much else to do has its delays elsewhere too.
  expect(seen.healedMs[what]).toBeLessThan(2000 + 5 * seen.auditMs)
})

it('all is as it should be in the end', () => {
  expect(seen.left).toEqual([])
})

it('a look costs three messages, however many Services there are', () => {
  expect(seen.idle).toEqual({ servers: 200, messages: 30 })
})
