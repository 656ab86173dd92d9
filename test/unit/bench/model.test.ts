import { describe, expect, it } from 'vitest'
import { maxEndpoints, ownNode, podRange, SyntheticCluster, serviceRange } from '../../../bench/model.ts'
import type { Change } from '../../../src/model/change.ts'
import { cidrContains, type IpAddress } from '../../../src/util/address.ts'

const endpointAddresses = (change: Change): readonly IpAddress[] =>
  change.kind === 'EndpointSlice' ? (change.object?.endpoints.map((endpoint) => endpoint.address) ?? []) : []

describe('a synthetic cluster', () => {
  it('has the asked number of Services, each with the asked number of endpoints', () => {
    const changes = new SyntheticCluster(7, 3).everything()
    expect(changes.filter((change) => change.kind === 'Service')).toHaveLength(7)
    expect(changes.flatMap(endpointAddresses)).toHaveLength(21)
  })

  it('gives no address away twice and stays inside its ranges', () => {
    const changes = new SyntheticCluster(600, 5).everything()
    const pods = changes.flatMap(endpointAddresses)
    const virtual = changes.flatMap((change) =>
      change.kind === 'Service' ? (change.object?.clusterIPs ?? []) : [],
    )
    expect(new Set(pods).size).toBe(3000)
    expect(new Set(virtual).size).toBe(600)
    expect(pods.every((address) => cidrContains(podRange, address))).toBe(true)
    expect(virtual.every((address) => cidrContains(serviceRange, address))).toBe(true)
  })

  it('keeps the largest cluster it allows inside the pod range', () => {
    const services = 1000
    const cluster = new SyntheticCluster(services, maxEndpoints(services))
    const last = endpointAddresses(cluster.changeEndpoint(services - 1, 0)).at(-1)
    expect(last !== undefined && cidrContains(podRange, last)).toBe(true)
  })

  it('has about a hundred pods on every node, the own one included', () => {
    const pods = new Map<string | undefined, number>()
    for (const change of new SyntheticCluster(1000, 5).everything())
      for (const { nodeName } of change.kind === 'EndpointSlice' ? (change.object?.endpoints ?? []) : [])
        pods.set(nodeName, (pods.get(nodeName) ?? 0) + 1)
    expect(pods.size).toBe(50)
    expect(pods.get(ownNode)).toBeGreaterThan(70)
    expect(Math.max(...pods.values())).toBeLessThan(130)
  })

  it('adds one endpoint and then removes one when a Service is visited twice', () => {
    const cluster = new SyntheticCluster(4, 5)
    const before = new Set(cluster.everything().flatMap(endpointAddresses))
    const added = endpointAddresses(cluster.changeEndpoint(2, 1))
    const removed = endpointAddresses(cluster.changeEndpoint(2, 1))
    expect(added).toHaveLength(6)
    expect(added.filter((address) => !before.has(address))).toHaveLength(1)
    expect(removed).toEqual(added.filter((_, i) => i !== 1))
  })

  it('replaces one endpoint by another', () => {
    const cluster = new SyntheticCluster(4, 5)
    const before = endpointAddresses(cluster.removeEndpoint(1, 2))
    const after = endpointAddresses(cluster.replaceEndpoint(1))
    expect(after).toHaveLength(5)
    expect(after.filter((address) => !before.includes(address))).toHaveLength(1)
  })

  it('has a Service beyond all others that comes and goes whole', () => {
    const cluster = new SyntheticCluster(3, 2)
    const names = new Set(cluster.everything().map(({ name }) => name))
    const extra = cluster.extraService()
    expect(extra.map(({ kind }) => kind)).toEqual(['Service', 'EndpointSlice'])
    expect(extra.some(({ name }) => names.has(name))).toBe(false)
    expect(cluster.extraServiceGone()).toEqual(extra.map((change) => ({ ...change, object: undefined })))
  })

  it('visits every Service before any comes again', () => {
    const visits = new SyntheticCluster(10, 2).faraway()
    const first = Array.from({ length: 10 }, () => visits.next().value)
    expect(new Set(first).size).toBe(10)
    expect(visits.next().value).toBe(first[0])
  })
})
