import { beforeAll, describe, expect, it } from 'vitest'
import { observe } from './scenario.ts'
import type { LifeObservations } from './scenarios/backend-life.ts'

let seen: LifeObservations

beforeAll(async () => {
  seen = await observe<LifeObservations>('backend-life')
})

it('the kernel is set up as configured', () => {
  expect(seen.timeouts).toEqual({ tcpSeconds: 900, tcpFinSeconds: 30, udpSeconds: 40 })
  expect(seen.sysctls.trim().split('\n')).toEqual([
    'net.ipv4.vs.conntrack = 1',
    'net.ipv4.vs.conn_reuse_mode = 0',
    'net.ipv4.vs.expire_nodest_conn = 1',
    'net.ipv4.vs.expire_quiescent_template = 1',
    'net.ipv4.conf.all.arp_ignore = 1',
    'net.ipv4.conf.all.arp_announce = 2',
  ])
})

describe('a removed endpoint', () => {
  it('keeps its connections and gets no new ones', () => {
    expect(seen.draining.old).toBe('pod-1')
    expect(seen.draining.weight).toBe(0)
    expect(seen.draining.fresh).toEqual(['pod-2', 'pod-2', 'pod-2', 'pod-2'])
  })

  it('is told of with the connections that it still has', () => {
    const { counters } = seen.draining
    expect(counters[0]).toBe('TCP 10.96.1.1:80 rr')
    expect(counters).toContainEqual(
      expect.stringMatching(
        /^ {2}-> 10\.1\.1\.2:8080 masq weight 0, 1 active and \d+ inactive connections, /,
      ),
    )
    expect(counters).toContainEqual(
      expect.stringMatching(/^ {2}-> 10\.1\.2\.2:8080 masq weight 1, .* \[\d+:\d+\] out$/),
    )
  })

  it('is deleted when its last connection is over', () => {
    expect(seen.draining.deleted).toBe(true)
  })

  it.each(['sh', 'mh'] as const)('leaves its clients to the other endpoint under %s', (scheduler) => {
    const { before, after } = seen.hashed[scheduler]
    expect([before, after].sort()).toEqual(['pod-1', 'pod-2'])
  })

  it('is deleted at once over UDP', () => {
    expect(seen.udpDests).toBe(1)
  })

  it('that comes back meanwhile takes connections again', () => {
    expect(seen.returning.weight).toBe(1)
    expect([...seen.returning.answers].sort()).toEqual(['pod-1', 'pod-1', 'pod-2', 'pod-2'])
  })
})

it('frontends that the kernel refuses are named and leave nothing, and their neighbour works', () => {
  expect(seen.refused).toEqual({
    kind: 'refused',
    frontends: ['10.96.1.4/TCP/80', '10.96.1.12/TCP/80'],
    neighbour: 'pod-2',
    left: [],
  })
})

describe('the next process', () => {
  it('lets connections go on, though their endpoint was removed in between', () => {
    expect(seen.restart.old).toBe('pod-1')
    expect(seen.restart.fresh).toEqual(['pod-2', 'pod-2'])
  })

  it('removes what nobody wants any more, and leaves what is excluded', () => {
    expect(seen.restart.servers).toEqual(['TCP 10.96.1.6:80', 'TCP 10.96.1.7:80', 'TCP 198.51.100.1:80'])
    expect(seen.restart.addresses).toEqual(['10.96.1.6/32', '10.96.1.7/32'])
  })
})

it('the audit finds what somebody else put in', () => {
  expect(seen.healing.foreign).toEqual([
    'virtual server TCP 10.96.1.9:80 has foreign real server 10.1.9.9/1',
    'chain external has other rules',
    'set vips has 1 foreign elements',
  ])
})

it('the audit finds what somebody else took away, and a rebuild heals it', () => {
  expect(seen.healing.found).toEqual([
    'virtual server TCP 10.96.1.9:80 is gone',
    'VIP 10.96.1.9 is gone',
    'table ip hawser-ipvs is gone',
  ])
  expect(seen.healing.answer).toBe('pod-1')
  expect(seen.healing.left).toEqual([])
})

it('a removal leaves nothing of ours and all of others', () => {
  expect(seen.removed.servers).toEqual(['TCP 198.51.100.1:80'])
  expect(seen.removed.tables).not.toContain('hawser')
  expect(seen.removed.links).not.toContain('kube-ipvs0')
})

it.each('rr wrr lc wlc fo ovf lblc lblcr dh sh mh sed nq twos'.split(' '))(
  'scheduler %s balances',
  (scheduler) => {
    expect(['pod-1', 'pod-2']).toContain(seen.schedulers[scheduler]?.[0])
  },
)

it('without a dummy device VIPs live on lo, and go from there', () => {
  expect(seen.loopback).toEqual({
    answer: 'pod-1',
    addresses: ['127.0.0.1/8', '10.96.1.9/32'],
    audit: [],
    left: ['127.0.0.1/8'],
  })
})
