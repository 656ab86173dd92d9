import { describe, expect, test } from 'vitest'
import { type Allocations, noAllocations } from '../../../src/sources/files/allocation-memory.ts'
import { type CompleteServices, completeServices } from '../../../src/sources/files/complete-services.ts'
import { pick, reservedBand } from '../../../src/sources/files/pool.ts'
import { address, cidr, port, service } from '../../support/services.ts'

const wide = { clusterIPs: [cidr('10.96.0.0/16')], nodePorts: { first: 30_000, last: 32_767 } }

const wanting = (name: string, fields = {}) => ({
  service: service(name, '10.96.0.1', { clusterIPs: [], ...fields }),
  place: `${name}.yaml:1`,
})
const explicit = (name: string, ip: string, fields = {}) => ({
  service: service(name, ip, fields),
  place: `${name}.yaml:1`,
})
const nodePort = (name: string, number = 0) =>
  explicit(name, `10.96.0.${name.charCodeAt(0)}`, { type: 'NodePort', ports: [port({ nodePort: number })] })

const ips = ({ services }: CompleteServices): Record<string, readonly string[]> =>
  Object.fromEntries([...services].map(([name, { clusterIPs }]) => [name.split('/')[1], clusterIPs]))
const ports = ({ services }: CompleteServices): Record<string, number | undefined> =>
  Object.fromEntries([...services].map(([name, found]) => [name.split('/')[1], found.ports[0]?.nodePort]))
const reasons = ({ problems }: CompleteServices) => problems.map(({ place, reason }) => `${place}: ${reason}`)

describe('a cluster IP', () => {
  test('follows from the name, and no two Services get the same', () => {
    const names = Array.from({ length: 500 }, (_, index) => wanting(`s${index}`))
    const first = ips(completeServices(names, noAllocations, wide))
    expect(ips(completeServices(names.toReversed(), noAllocations, wide))).toEqual(first)
    expect(new Set(Object.values(first).flat()).size).toBe(500)
  })

  test('stays the same whatever comes and goes, and over restarts', () => {
    // Three usable addresses: names must collide.
    const narrow = { ...wide, clusterIPs: [cidr('10.96.0.0/29')] }
    const both = completeServices([wanting('a'), wanting('b'), wanting('c')], noAllocations, narrow)
    const restarted: Allocations = {
      clusterIPs: new Map(JSON.parse(JSON.stringify([...both.allocations.clusterIPs]))),
      nodePorts: new Map(),
    }
    const alone = completeServices([wanting('c')], restarted, narrow)
    expect(ips(alone)).toEqual({ c: ips(both).c })
    const again = completeServices([wanting('A0'), wanting('b'), wanting('c')], alone.allocations, narrow)
    expect(ips(again)).toMatchObject({ b: ips(both).b, c: ips(both).c })
  })

  test('of a Service that is away is given to another only when there is no other', () => {
    const narrow = { ...wide, clusterIPs: [cidr('10.96.0.0/29')] }
    const full = completeServices(
      ['a', 'b', 'c', 'd', 'e'].map((name) => wanting(name)),
      noAllocations,
      narrow,
    )
    expect(full.problems).toEqual([])
    const rest = completeServices(
      ['b', 'c', 'd', 'e', 'f'].map((name) => wanting(name)),
      full.allocations,
      narrow,
    )
    expect(ips(rest)).toEqual({ ...ips(full), a: undefined, f: ips(full).a })
    expect(rest.allocations.clusterIPs.has('default/a/IPv4')).toBe(false)
  })

  test('is never the network, the API server or the broadcast address', () => {
    const narrow = { ...wide, clusterIPs: [cidr('10.96.0.0/29')] }
    const found = completeServices(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => wanting(name)),
      noAllocations,
      narrow,
    )
    expect(Object.values(ips(found)).flat().sort()).toEqual(
      ['2', '3', '4', '5', '6'].map((last) => `10.96.0.${last}`),
    )
    expect(reasons(found)).toEqual(['f.yaml:1: Service default/f: no cluster IP of 10.96.0.0/29 is free'])
  })

  test('that is asked for is honoured', () => {
    expect(ips(completeServices([explicit('a', '10.96.0.10')], noAllocations, wide))).toEqual({
      a: ['10.96.0.10'],
    })
  })

  test('that is asked for is not given to another at the same time', () => {
    const free = ips(completeServices([wanting('b')], noAllocations, wide)).b?.[0] ?? ''
    const found = completeServices([explicit('z', free), wanting('b')], noAllocations, wide)
    expect(found.problems).toEqual([])
    expect(ips(found).z).toEqual([free])
    expect(ips(found).b).not.toEqual([free])
  })

  test('that another Service has is refused with both names', () => {
    const twice = completeServices(
      [explicit('a', '10.96.0.9'), explicit('b', '10.96.0.9')],
      noAllocations,
      wide,
    )
    expect(ips(twice)).toEqual({ a: ['10.96.0.9'] })
    expect(reasons(twice)).toEqual([
      'b.yaml:1: Service default/b: the cluster IP 10.96.0.9 belongs to Service default/a',
    ])
  })

  test('that was given out before goes to nobody who asks for it later', () => {
    const before = completeServices([wanting('b')], noAllocations, wide)
    const taken = ips(before).b?.[0] ?? ''
    const found = completeServices([wanting('b'), explicit('a', taken)], before.allocations, wide)
    expect(ips(found)).toEqual({ b: [taken] })
    expect(found.problems).toHaveLength(1)
  })

  test('outside of the range is honoured with a warning', () => {
    const found = completeServices([explicit('a', '192.0.2.1')], noAllocations, wide)
    expect(ips(found)).toEqual({ a: ['192.0.2.1'] })
    expect(found.problems).toMatchObject([{ severity: 'warning' }])
  })

  test('is taken anew where the range has changed', () => {
    const before = completeServices([wanting('a')], noAllocations, wide)
    const moved = { ...wide, clusterIPs: [cidr('10.200.0.0/24')] }
    expect(ips(completeServices([wanting('a')], before.allocations, moved)).a?.[0]).toMatch(/^10\.200\.0\./)
  })

  test('is given for each family, and refused where a family has no range', () => {
    const dual = wanting('a', { ipFamilies: ['IPv4', 'IPv6'] })
    const both = { ...wide, clusterIPs: [cidr('10.96.0.0/16'), cidr('fd00:96::/112')] }
    expect(ips(completeServices([dual], noAllocations, both)).a).toEqual([
      expect.stringMatching(/^10\.96\./),
      expect.stringMatching(/^fd00:96::/),
    ])
    const found = completeServices([dual], noAllocations, wide)
    expect(ips(found)).toEqual({})
    expect(reasons(found)).toEqual([
      'a.yaml:1: Service default/a wants an IPv6 cluster IP, and there is no IPv6 range',
    ])
  })
})

describe('a node port', () => {
  test('is given where it is missing, and stays', () => {
    const before = completeServices([nodePort('a'), nodePort('b')], noAllocations, wide)
    const [a, b] = [ports(before).a, ports(before).b]
    expect(a).toBeGreaterThanOrEqual(30_000)
    expect(b).toBeLessThanOrEqual(32_767)
    expect(a).not.toBe(b)
    expect(ports(completeServices([nodePort('b')], before.allocations, wide))).toEqual({ b })
  })

  test('is not given to a ClusterIP Service', () => {
    expect(ports(completeServices([wanting('a')], noAllocations, wide))).toEqual({ a: 0 })
  })

  test('can serve TCP and UDP at once, but no two Services of one protocol', () => {
    const udp = explicit('u', '10.96.0.9', {
      type: 'NodePort',
      ports: [port({ protocol: 'UDP', nodePort: 30_500 })],
    })
    const found = completeServices([nodePort('a', 30_500), nodePort('b', 30_500), udp], noAllocations, wide)
    expect(ports(found)).toEqual({ a: 30_500, u: 30_500 })
    expect(reasons(found)).toEqual([
      'b.yaml:1: Service default/b: the node port TCP 30500 belongs to Service default/a',
    ])
  })

  test('outside of the range is refused: it could be the port of anything', () => {
    const found = completeServices([nodePort('a', 22)], noAllocations, wide)
    expect(ports(found)).toEqual({})
    expect(reasons(found)).toEqual([
      'a.yaml:1: Service default/a: the node port 22 is outside of 30000-32767',
    ])
  })

  test('is refused when all are given out', () => {
    const tiny = { ...wide, nodePorts: { first: 30_000, last: 30_001 } }
    const found = completeServices([nodePort('a'), nodePort('b'), nodePort('c')], noAllocations, tiny)
    expect(ports(found)).toEqual({ a: expect.any(Number), b: expect.any(Number) })
    expect(reasons(found)).toEqual(['c.yaml:1: Service default/c: no node port of 30000-30001 is free'])
  })
})

test('the reserved band is given out last', () => {
  const pool = { first: 0, last: 31, reserved: reservedBand(32, 16, 256) }
  const taken = new Set<number>()
  const order = Array.from({ length: 32 }, () => {
    const next = pick(pool, 'x', (number) => taken.has(number)) ?? -1
    taken.add(next)
    return next
  })
  expect(new Set(order.slice(0, 16))).toEqual(new Set(Array.from({ length: 16 }, (_, index) => index + 16)))
  expect(pick(pool, 'x', (number) => taken.has(number))).toBeUndefined()
})

test.each([
  [65_536, 16, 256, 256],
  [256, 16, 256, 16],
  [2768, 32, 128, 86],
  [16, 16, 256, 0],
])('a range of %d keeps what the API server keeps', (size, divisor, most, band) => {
  expect(reservedBand(size, divisor, most)).toBe(band)
})

test('addresses of a Service that asks for one are in canonical form', () => {
  expect(
    completeServices([explicit('a', '10.96.0.9')], noAllocations, wide)
      .services.values()
      .next().value,
  ).toMatchObject({ clusterIPs: [address('10.96.0.9')] })
})
