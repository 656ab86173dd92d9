import { beforeAll, describe, expect, it } from 'vitest'
import { observe } from './scenario.ts'
import type { Fate, FateObservations } from './scenarios/backend-fates.ts'

let seen: FateObservations

beforeAll(async () => {
  seen = await observe<FateObservations>('backend-fates')
})

const fates = (question: keyof FateObservations['fates']): readonly Fate[] => seen.fates[question] ?? []

/** Each of the fates, `times` over, in any order. */
function expectEach(question: string, expected: readonly Fate[], times: number): void {
  expect([...fates(question)].sort()).toEqual(expected.flatMap((fate) => Array(times).fill(fate)).sort())
}

/** From outside of the pod CIDRs: the endpoints see this node. */
const MASQUERADED = ['pod-1 10.1.1.1', 'pod-2 10.1.2.1', 'pod-3 10.1.3.1']
/** From pod-1: its own answer to itself needs masquerade. */
const FROM_POD_1 = ['pod-1 10.1.1.1', 'pod-2 10.1.1.2', 'pod-3 10.1.1.2']
const FROM_POD_2 = ['pod-1 10.1.2.2', 'pod-2 10.1.2.1', 'pod-3 10.1.2.2']

it('frontends of both families are programmed as they are', () => {
  expect(seen.outcomes).toEqual(['committed', 'committed'])
  expect(seen.audit).toEqual([])
})

describe('a cluster IP', () => {
  it('is answered by every endpoint, which sees pods as they are', () => {
    expectEach('ClusterIP from pod', FROM_POD_1, 2)
  })

  it('is answered by every endpoint over UDP', () => {
    expectEach('ClusterIP over UDP', FROM_POD_1, 2)
  })

  it('masquerades clients from outside of the pod network and this node', () => {
    expectEach('ClusterIP from client', MASQUERADED, 2)
    expectEach('ClusterIP from node', MASQUERADED, 2)
  })

  it('lets a pod reach itself', () => {
    expectEach('hairpin', ['pod-1 10.1.1.1'], 2)
  })

  it('keeps a client on its endpoint under affinity', () => {
    expect(new Set(fates('affinity')).size).toBe(1)
    expect(MASQUERADED).toContain(fates('affinity')[0])
  })

  it('is answered over IPv6', () => {
    expectEach('IPv6 from client', ['pod-1 fd00:1:0:1::1', 'pod-2 fd00:1:0:2::1'], 2)
    expectEach('IPv6 from node', ['pod-1 fd00:1:0:1::1', 'pod-2 fd00:1:0:2::1'], 1)
    expectEach('IPv6 over UDP', ['pod-1 fd00:1:0:1::1', 'pod-2 fd00:1:0:1::2'], 2)
  })
})

describe('a node port', () => {
  it('is answered by every endpoint, masqueraded, over TCP and UDP', () => {
    expectEach('NodePort from client', MASQUERADED, 2)
    expectEach('NodePort over UDP', MASQUERADED, 2)
  })

  it('is answered to this node itself', () => {
    expectEach('NodePort from node', MASQUERADED, 1)
  })
})

describe('without endpoints', () => {
  it.each([
    'no endpoints',
    'no endpoints from node',
    'no endpoints over UDP',
    'no endpoints over UDP from node',
    'IPv6 without endpoints',
  ])('a connection is refused at once: %s', (question) => {
    expect(fates(question)).toEqual(['(ECONNREFUSED)'])
  })

  it('on this node under policy Local, nobody answers', () => {
    expect(fates('no endpoints, policy Local')).toEqual(['(silent)'])
  })
})

describe('addresses of Services', () => {
  it('refuse ports that no Service has, though they are addresses of this machine', () => {
    expect(fates('undefined port')).toEqual(['(ECONNREFUSED)'])
    expect(fates('listener of the node on a VIP')).toEqual(['(ECONNREFUSED)'])
  })

  it('do not answer where no Service has them', () => {
    expect(fates('unused address of the range')).toEqual(['(silent)'])
  })
})

describe('source ranges', () => {
  it('let those in them pass, also where one range is inside of another', () => {
    expectEach('in range', MASQUERADED, 1)
    expect(MASQUERADED).toContain(fates('in range from node')[0])
    expectEach('IPv6 in range', ['pod-1 fd00:1:0:1::1', 'pod-2 fd00:1:0:2::1'], 1)
  })

  it('drop others', () => {
    expect(fates('out of range')).toEqual(['(silent)'])
    expect(fates('IPv6 out of range')).toEqual(['(silent)'])
  })
})

describe('externalTrafficPolicy Local', () => {
  it('gives clients from outside the endpoints of this node, which see them as they are', () => {
    expectEach('Local from client', ['pod-1 172.20.0.2'], 3)
    expectEach('IPv6 Local from client', ['pod-1 fd00:20::2'], 2)
  })

  it('gives pods all endpoints, which see them as they are', () => {
    expectEach('Local from pod', FROM_POD_2, 2)
    expectEach('IPv6 Local from pod', ['pod-1 fd00:1:0:2::2', 'pod-2 fd00:1:0:2::1'], 1)
  })

  it('gives this node all endpoints, masqueraded', () => {
    expectEach('Local from node', MASQUERADED, 2)
  })

  it('drops clients from outside, and only those, without an endpoint on this node', () => {
    expect(fates('Local without local from client')).toEqual(['(silent)'])
    expectEach('Local without local from pod', ['pod-2 10.1.1.2', 'pod-3 10.1.1.2'], 1)
  })

  it('keeps a pod on its endpoint under affinity', () => {
    expect(new Set(fates('Local with affinity from pod')).size).toBe(1)
    expect(FROM_POD_2).toContain(fates('Local with affinity from pod')[0])
  })
})

it('the addition of an endpoint is one netlink message, wherever it is', () => {
  expect(seen.messages).toEqual({ elsewhere: 1, here: 1 })
})

it('nft lists the table', () => {
  expect(seen.table).toContain('typeof ip daddr . meta l4proto . th dport . ip saddr')
  expect(seen.table).toContain('fib saddr type local')
})
