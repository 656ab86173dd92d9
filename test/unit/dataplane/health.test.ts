import { expect, it } from 'vitest'
import { proxyHealth } from '../../../src/dataplane/health.ts'
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
  ...fields,
})

const health = (...families: readonly FamilyStatus[]) =>
  proxyHealth({ families, frontends: [], problems: [] }, NOW)

it.each([
  ['nothing waits', [family({})], true, NOW],
  ['something has waited for a moment', [family({ pendingSince: NOW - 1000 })], true, NOW - 5000],
  ['something has waited for a minute', [family({ pendingSince: NOW - 60_000 })], true, NOW - 5000],
  [
    'something has waited for longer',
    [family({}), family({ pendingSince: NOW - 60_001 })],
    false,
    NOW - 5000,
  ],
  ['a family was never synced', [family({}), family({ lastSync: undefined })], false, undefined],
] as const)('when %s', (_, families, healthy, lastUpdated) => {
  const report = health(...families)
  expect([report.healthy, report.lastUpdated?.getTime()]).toEqual([healthy, lastUpdated])
})
