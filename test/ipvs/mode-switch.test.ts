import { beforeAll, describe, expect, it } from 'vitest'
import { observe } from './scenario.ts'
import type { SwitchObservations } from './scenarios/mode-switch.ts'

let seen: SwitchObservations

beforeAll(async () => {
  seen = await observe<SwitchObservations>('mode-switch')
})

/** In each mode, by its place in the way of modes: ipvs, nftables, ipvs, iptables. */
const inMode = (index: number): SwitchObservations['modes'][number] => {
  const mode = seen.modes[index]
  if (mode === undefined) throw new Error('there are four modes')
  return mode
}

describe('while a proxy goes from IPVS to nftables, back and on to iptables', () => {
  const all = () =>
    Object.entries(seen.reports).flatMap(([who, reports]) => reports.map((one) => ({ who, ...one })))

  it('no connection of before gets lost or stuck, and each stays with its endpoint', () => {
    expect(all()).toHaveLength(14)
    for (const { who, target, held } of all())
      expect({ who, target, failures: held.failures, servers: held.from.length }).toEqual({
        ...{ who, target, failures: [] },
        servers: 1,
      })
  })

  it('no new connection is refused or lost, and all endpoints get some', () => {
    for (const { who, target, fresh } of all())
      expect({ who, target, failures: fresh.failures, from: [...fresh.from].sort() }).toEqual({
        ...{ who, target, failures: [] },
        from: ['pod-1', 'pod-2'],
      })
  })

  it('the mode in force finds the kernel as it left it', () => {
    expect(seen.modes.map(({ audit }) => audit)).toEqual([[], [], [], []])
  })

  it('what listens on this machine never answers at the address of a Service', () => {
    expect(seen.modes.map(({ undefinedPort }) => undefinedPort)).toEqual(Array(4).fill('refused'))
  })
})

it('mode ipvs counts and lists the connections of each Service', () => {
  const { notCounted, asked, opened, listed } = seen.counted
  expect(notCounted).toBeUndefined()
  // A load balancer's address is a way into the first.
  expect(opened).toEqual({ 'default/web': 2 * asked, 'default/web6': asked, 'default/dns': asked })
  expect(listed).toBe(2 * asked)
})

describe.each([1, 3])('a mode that has taken over from IPVS (%i)', (index) => {
  it('leaves virtual servers with connections, at weight 0, and removes the others at once', () => {
    const { servers } = inMode(index).remains
    expect(Object.keys(servers).sort()).toEqual([
      'TCP 10.96.0.1:80',
      'TCP 172.20.0.1:30080',
      'TCP 203.0.113.1:80',
      'TCP [fd00:96::1]:80',
      'UDP 10.96.0.2:53',
    ])
    expect(new Set(Object.values(servers).flat())).toEqual(new Set([0]))
  })

  it('leads to their VIPs by routes: none is an address of this machine any more', () => {
    const { addresses, routes } = inMode(index).remains
    expect(addresses.join()).not.toMatch(/10\.96|203\.0|fd00/)
    expect(
      routes.map((route) => /local (\S+) dev lo .*src (\S+)/.exec(route)?.slice(1).join(' from ')),
    ).toEqual([
      '10.96.0.1 from 172.20.0.1',
      '10.96.0.2 from 172.20.0.1',
      '203.0.113.1 from 172.20.0.1',
      'fd00:96::1 from fd00:20::1',
    ])
  })
})

it('IPVS that comes back before it had ended takes up its own, and nothing of the retreat is left', () => {
  const { servers, addresses, routes } = inMode(2).remains
  expect(new Set(Object.values(servers).flat())).toEqual(new Set([1]))
  expect(Object.keys(servers)).toContain('TCP 10.96.0.9:80')
  expect(addresses.join()).toMatch(/10\.96\.0\.1\/32.*fd00:96::1\/128/)
  expect(routes.filter((route) => route.includes('dev lo'))).toEqual([])
})

it('the next process goes on with the retreat, and in the end nothing of IPVS is left', () => {
  expect(seen.afterwards).toEqual({ servers: {}, addresses: [], routes: [], table: [] })
})
