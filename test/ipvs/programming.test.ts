import { beforeAll, expect, it } from 'vitest'
import { observe } from './scenario.ts'
import type { ProgrammingObservations } from './scenarios/programming.ts'

let seen: ProgrammingObservations

beforeAll(async () => {
  seen = await observe<ProgrammingObservations>('programming')
})

it('virtual servers are listed as they were made, by address and by mark, of both families', () => {
  expect(seen.added.services).toHaveLength(3)
  expect(seen.added.services).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        key: { kind: 'address', protocol: 'TCP', address: '10.96.0.1', port: 80 },
        scheduler: 'rr',
        flags: [],
        timeoutSeconds: 0,
        clientPrefix: 32,
      }),
      expect.objectContaining({
        key: { kind: 'address', protocol: 'UDP', address: 'fd00::10', port: 53 },
        scheduler: 'wlc',
        flags: ['persistent'],
        timeoutSeconds: 600,
        clientPrefix: 64,
      }),
      expect.objectContaining({
        key: { kind: 'mark', family: 'IPv4', mark: 7 },
        scheduler: 'sh',
        flags: ['scheduler-1', 'scheduler-2'],
      }),
    ]),
  )
})

it('real servers are listed with method, weight and thresholds, each under its virtual server', () => {
  const [web = [], dns, marked] = seen.added.dests
  expect(web).toHaveLength(2)
  expect(web).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        address: '10.0.0.2',
        port: 8080,
        method: 'masq',
        weight: 3,
        upperThreshold: 100,
        lowerThreshold: 50,
        activeConnections: 0,
      }),
      expect.objectContaining({ address: '10.0.0.3', port: 80, method: 'dr', weight: 1 }),
    ]),
  )
  expect(dns).toEqual([expect.objectContaining({ address: 'fd00::2', port: 5353 })])
  expect(marked).toEqual([])
})

it('changes take effect on a virtual server and on its real servers', () => {
  expect(seen.changed.service).toMatchObject({ scheduler: 'wrr', flags: ['persistent'], timeoutSeconds: 30 })
  expect(seen.changed.dests).toContainEqual(
    expect.objectContaining({ address: '10.0.0.2', weight: 0, upperThreshold: 0 }),
  )
})

it('deletions leave the others', () => {
  expect(seen.afterDeletion.dests.map(({ address }) => address)).toEqual(['10.0.0.3'])
  expect(seen.afterDeletion.services).toBe(2)
})

it('refused operations are named one by one, and the others are made', () => {
  expect(seen.refused.failures).toEqual([
    [1, 'EEXIST'],
    [2, 'ESRCH'],
    [3, 'ENOENT'],
    [4, 'ENOENT'],
  ])
  expect(seen.refused.operation).toBe('add virtual server TCP 10.96.0.1:80')
  expect(seen.refused.servicesMade).toBe(2)
})

it('thousands of changes travel in few system calls', () => {
  expect(seen.bulk).toMatchObject({ messages: 6000, services: 1000, dests: 5000 })
  // 12 datagrams of 512 requests: one send and one receive each.
  expect(seen.bulk.syscalls).toBeLessThanOrEqual(24)
})

it('thousands of refusals all come back', () => {
  expect(seen.bulkRefused.count).toBe(6000)
  expect(seen.bulkRefused.failures).toEqual([
    [5998, 'EEXIST'],
    [5999, 'EEXIST'],
  ])
})

it('a flush leaves nothing', () => {
  expect(seen.afterFlush).toBe(0)
})

it('timeouts are set, and one given as 0 stays as it was', () => {
  expect(seen.info.timeouts).toEqual({ tcpSeconds: 800, tcpFinSeconds: 120, udpSeconds: 200 })
  expect(seen.info.version).toMatch(/^1\.\d+\.\d+$/)
  expect(seen.info.connectionTableSize).toBeGreaterThan(0)
})

it('a virtual server that is not there has no real servers', () => {
  expect(seen.noSuchService).toEqual([])
})

it('IPv6 VIPs lead to this machine as soon as they are put on it', () => {
  expect(seen.vips).toEqual({ put: 40, lostAtFirst: 0 })
})
