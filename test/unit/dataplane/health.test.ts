import { expect, it } from 'vitest'
import { isNodeEligible, proxyHealth } from '../../../src/dataplane/health.ts'
import type { FamilyStatus } from '../../../src/dataplane/status.ts'

const NOW = 1_000_000

const family = (fields: Partial<FamilyStatus>): FamilyStatus => ({
  family: 'IPv4',
  mode: 'nftables',
  objects: new Map(),
  lastSync: NOW - 5000,
  pendingSince: undefined,
  lastError: undefined,
  refused: new Map(),
  lastAudit: undefined,
  lastFinding: undefined,
  ...fields,
})

const overdue = NOW - 60_001

it.each([
  ['nothing waits', [family({})], [true, true], NOW],
  ['something has waited for a moment', [family({ pendingSince: NOW - 1000 })], [true, true], NOW - 5000],
  [
    'something has waited for two periods',
    [family({ pendingSince: NOW - 60_000 })],
    [true, true],
    NOW - 5000,
  ],
  ['it has for longer', [family({}), family({ pendingSince: overdue })], [false, false], NOW - 5000],
  ['a family was never synced', [family({}), family({ lastSync: undefined })], [true, false], undefined],
  [
    'its first sync is overdue',
    [family({ lastSync: undefined, pendingSince: overdue })],
    [false, false],
    undefined,
  ],
] as const)('when %s', (_, families, [alive, healthy], lastUpdated) => {
  const report = proxyHealth(families, NOW)
  expect([report.alive, report.healthy, report.lastUpdated?.getTime()]).toEqual([alive, healthy, lastUpdated])
})

it('gives a sync two of the periods that it is told', () => {
  const families = [family({ pendingSince: NOW - 2001 })]
  expect([1000, 1001].map((period) => proxyHealth(families, NOW, period).alive)).toEqual([false, true])
})

it('tells the families apart', () => {
  const report = proxyHealth([family({}), family({ family: 'IPv6', pendingSince: overdue })], NOW)
  const lastUpdated = new Date(NOW - 5000)
  expect(Object.fromEntries(report.families)).toEqual({
    IPv4: { healthy: true, lastUpdated },
    IPv6: { healthy: false, lastUpdated },
  })
})

it.each([
  ['that does not exist', undefined, false],
  ['as it should be', { taints: ['node.kubernetes.io/not-ready'], deleting: false }, true],
  ['that is being deleted', { taints: [], deleting: true }, false],
  ['that the autoscaler removes', { taints: ['ToBeDeletedByClusterAutoscaler'], deleting: false }, false],
])('a node %s', (_, node, eligible) => {
  expect(isNodeEligible(node)).toBe(eligible)
})
