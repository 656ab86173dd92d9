import { expect, test } from 'vitest'
import { parseReserved, reservedTogether } from '../../../src/cli/kubelet/reserved-resources.ts'

test.each([
  ['cpu=500m', { cpuMilli: 500, memoryBytes: 0, storageBytes: 0 }],
  ['memory=1Gi, ephemeral-storage=2G,cpu=1', { cpuMilli: 1_000, memoryBytes: 2 ** 30, storageBytes: 2e9 }],
  ['', undefined],
  ['cpu', undefined],
  ['cpu=-1', undefined],
  ['cpu=1,cpu=2', undefined],
  ['gpu=1', undefined],
])('%j', (text, reserved) => {
  expect(parseReserved(text)).toEqual(reserved)
})

test('what two flags reserve adds up', () => {
  const one = { cpuMilli: 100, memoryBytes: 1, storageBytes: 10 }
  expect(reservedTogether(one, one)).toEqual({ cpuMilli: 200, memoryBytes: 2, storageBytes: 20 })
})
