import { expect, test } from 'vitest'
import { CpuRates } from '../../../../src/kubelet/stats/cpu-rates.ts'
import { parseNetDev } from '../../../../src/kubelet/stats/network.ts'

test('interfaces are counted but for the loopback one', () => {
  const text = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
    '    lo: 32376 509    0    0    0     0          0         0 32376 509    0    0    0     0       0          0',
    '  eth0:1000      10    1    2    0     0          0         0    2000      20    3    4    0     0       0          0',
    '',
  ].join('\n')
  expect(parseNetDev(text)).toEqual([
    {
      name: 'eth0',
      receive: { bytes: 1_000, packets: 10, errors: 1, dropped: 2 },
      transmit: { bytes: 2_000, packets: 20, errors: 3, dropped: 4 },
    },
  ])
})

test('a rate is from one look to the next that is a second later or more', () => {
  const rates = new CpuRates()
  const look = (at: number, cpuSeconds: number) => {
    const cores = rates.cores('pod', { at, cpuSeconds })
    rates.next()
    return cores
  }
  expect(look(0, 10)).toBeUndefined()
  expect(look(500, 10.5)).toBeUndefined()
  expect(look(2_000, 11)).toBe(0.5)
  expect(look(4_000, 15)).toBe(2)
})

test('what was away for a look has no rate, and what counts anew none below zero', () => {
  const rates = new CpuRates()
  rates.cores('pod', { at: 0, cpuSeconds: 10 })
  rates.next()
  rates.next()
  expect(rates.cores('pod', { at: 2_000, cpuSeconds: 11 })).toBeUndefined()
  rates.next()
  expect(rates.cores('pod', { at: 4_000, cpuSeconds: 1 })).toBe(0)
})
