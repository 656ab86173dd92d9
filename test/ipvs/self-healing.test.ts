import { beforeAll, expect, it } from 'vitest'
import { observe } from './scenario.ts'
import type { HealingObservations } from './scenarios/self-healing.ts'

/** Two seconds, and more on a machine with other things to do. Audits are an hour apart here. */
const HEALED_WITHIN_MS = 15_000

let seen: HealingObservations

beforeAll(async () => {
  seen = await observe<HealingObservations>('self-healing')
})

it.each([
  'ipvsadm -C',
  'ip link delete kube-ipvs0',
  'ip link set kube-ipvs0 down',
  'sysctl net.ipv4.vs.conntrack=0',
])('%s is mended long before the next audit, by a look once a second', (what) => {
  expect(seen.healedMs[what]).toBeLessThan(HEALED_WITHIN_MS)
})

it('all is as it should be in the end', () => {
  expect(seen.left).toEqual([])
})

it('a look costs three messages, however many Services there are', () => {
  expect(seen.idle).toEqual({ servers: 200, messages: 30 })
})
