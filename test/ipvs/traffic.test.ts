import { beforeAll, describe, expect, it } from 'vitest'
import { observe } from './scenario.ts'
import type { TrafficObservations } from './scenarios/traffic.ts'

const BACKENDS = ['172.16.1.2', '172.16.2.2', '172.16.3.2']

let seen: TrafficObservations

beforeAll(async () => {
  seen = await observe<TrafficObservations>('traffic')
})

/** How often each answer came. */
function tally(answers: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1
  return counts
}

const each = (count: number): Record<string, number> =>
  Object.fromEntries(BACKENDS.map((name) => [name, count]))

it('TCP connections to a virtual server are answered by every backend in turn', () => {
  expect(tally(seen.roundRobin)).toEqual(each(4))
})

it('the kernel counts the connections that each backend got', () => {
  expect(seen.counted).toEqual([4, 4, 4])
})

describe('connection tracking', () => {
  it('opens each connection with the backend that IPVS chose', () => {
    expect(seen.opened).toEqual([
      { service: 12, backends: [4, 4, 4] },
      { service: 6, backends: [2, 2, 2] },
      { service: 6, backends: [2, 2, 2] },
    ])
    expect(seen.droppedEvents).toBe(0)
  })

  it('finds those that are in the table alike by events and by a dump', () => {
    expect(seen.active.byEvents).toEqual([12, 6, 6])
    expect(seen.active.byDump).toEqual([12, 6, 6])
  })

  it('tells of other services as of strangers', () => {
    expect(seen.foreignEvents).toBe(8)
  })
})

it('TCP connections over IPv6 are answered by every backend in turn', () => {
  expect(tally(seen.roundRobinIPv6)).toEqual(each(2))
})

it('UDP datagrams from different ports are answered by every backend', () => {
  expect(tally(seen.udp)).toEqual(each(2))
})

it('weights share connections out three to one', () => {
  expect(tally(seen.weighted)).toEqual({ '172.16.1.2': 6, '172.16.2.2': 2 })
})

it('a backend of weight 0 gets no new connections', () => {
  expect(tally(seen.withoutTheFirst)).toEqual({ '172.16.2.2': 3, '172.16.3.2': 3 })
})

it('a persistent virtual server keeps a client on its backend', () => {
  expect(Object.values(tally(seen.persistent))).toEqual([6])
  expect(BACKENDS).toContain(seen.persistent[0])
})

it('a deleted virtual server answers no more', () => {
  expect(seen.afterDeletion).toEqual(['(ECONNREFUSED)'])
})
