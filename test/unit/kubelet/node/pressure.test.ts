import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { readFigures } from '../../../../src/kubelet/node/figures.ts'
import {
  NEVER_SEEN,
  type NodeFigures,
  PRESSURE_HOLD_MS,
  pressureAt,
  seePressure,
  shortages,
} from '../../../../src/kubelet/node/pressure.ts'

const Mi = 2 ** 20
const NONE = { memory: false, disk: false, pids: false }

const disk = (kind: 'nodefs' | 'imagefs', available: number, freeInodes = 1_000) => ({
  kind,
  bytes: 1_000,
  availableBytes: available,
  inodes: 1_000,
  freeInodes,
})

const figures = (changes: Partial<NodeFigures> = {}): NodeFigures => ({
  memoryAvailableBytes: 100 * Mi,
  filesystems: [disk('nodefs', 100), disk('imagefs', 150)],
  pids: { limit: 1_000, used: 950 },
  ...changes,
})

test.each<[string, Partial<NodeFigures>, Partial<typeof NONE>]>([
  ['exactly as much as is kept free', {}, {}],
  ['less than 100 Mi of memory', { memoryAvailableBytes: 100 * Mi - 1 }, { memory: true }],
  ['less than a tenth of the disk', { filesystems: [disk('nodefs', 99)] }, { disk: true }],
  ['less than 15 % of the disk of images', { filesystems: [disk('imagefs', 149)] }, { disk: true }],
  ['few inodes', { filesystems: [disk('nodefs', 500, 49)] }, { disk: true }],
  [
    'a file system without a fixed number of inodes',
    { filesystems: [{ ...disk('nodefs', 500, 0), inodes: 0 }] },
    {},
  ],
  ['few process IDs', { pids: { limit: 1_000, used: 951 } }, { pids: true }],
])('%s', (_, left, expected) => {
  expect(shortages(figures(left))).toEqual({ ...NONE, ...expected })
})

test('a shortage counts for five minutes after it was last seen', () => {
  const seen = seePressure(NEVER_SEEN, figures({ memoryAvailableBytes: 0 }), 1_000)
  const later = seePressure(seen, figures(), 2_000)
  expect(pressureAt(later, 2_000)).toEqual({ ...NONE, memory: true })
  expect(pressureAt(later, 1_000 + PRESSURE_HOLD_MS - 1).memory).toBe(true)
  expect(pressureAt(later, 1_000 + PRESSURE_HOLD_MS)).toEqual(NONE)
})

test('this machine says what it has left', async () => {
  const { memoryAvailableBytes, filesystems, pids } = await readFigures({ nodefs: tmpdir(), imagefs: '/' })
  expect(memoryAvailableBytes).toBeGreaterThan(0)
  expect(filesystems.map(({ kind }) => kind)).toEqual(['nodefs', 'imagefs'])
  for (const { bytes, availableBytes } of filesystems) {
    expect(availableBytes).toBeGreaterThan(0)
    expect(availableBytes).toBeLessThanOrEqual(bytes)
  }
  expect(pids.used).toBeGreaterThan(1)
  expect(pids.limit).toBeGreaterThan(pids.used)
})
