import { expect, test } from 'vitest'
import type { Change } from '../../../src/model/change.ts'
import { type ObjectName, objectName } from '../../../src/model/object-name.ts'
import type { Pod } from '../../../src/model/pod.ts'
import type { PodStatus } from '../../../src/model/pod-status.ts'
import type { Service } from '../../../src/model/service.ts'
import { parsePod } from '../../../src/sources/objects/pod.ts'
import { PodEndpoints } from '../../../src/sources/pod-endpoints.ts'
import { address, port, service } from '../../support/services.ts'

const web = (fields: Partial<Service> = {}): Service =>
  service('web', '10.96.0.9', {
    selector: new Map([['app', 'web']]),
    ports: [port({ name: 'http' })],
    ...fields,
  })

function pod(
  name: string,
  options: { uid?: string; labels?: Record<string, string>; ports?: object[] } = {},
): Pod {
  const { value } = parsePod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, uid: options.uid ?? name, labels: options.labels ?? { app: 'web' } },
    spec: { containers: [{ name: 'main', image: 'web:1', ports: options.ports ?? [] }] },
  })
  if (value === undefined) throw new Error('the pod of the test is none')
  return value
}

const status = (of: Pod, ip: string, fields: Partial<PodStatus> = {}): PodStatus => ({
  name: of.name,
  uid: of.uid,
  phase: 'Running',
  ready: true,
  terminating: false,
  sandboxReady: true,
  podIPs: [address(ip)],
  reason: 'Running',
  message: '',
  startedAt: 0,
  initContainers: [],
  containers: [],
  ...fields,
})

const said = (object: Service | Pod | undefined, kind: 'Service' | 'Pod', name: ObjectName): Change =>
  ({ kind, name, object }) as Change
const here = (object: Service | Pod): Change =>
  said(object, 'ipFamilies' in object ? 'Service' : 'Pod', object.name)
const gone = (object: Service | Pod): Change =>
  said(undefined, 'ipFamilies' in object ? 'Service' : 'Pod', object.name)

/** What a listener knows: `10.0.0.1:8080 ready` by slice. */
function follow() {
  const endpoints = new PodEndpoints('here')
  const known = new Map<string, string[]>()
  const take = (changes: readonly Change[]): number => {
    for (const change of changes) {
      if (change.kind !== 'EndpointSlice') throw new Error('only slices are expected')
      const { name, object } = change
      if (object === undefined) known.delete(name)
      else
        known.set(
          name,
          object.endpoints.map(
            (endpoint) =>
              `${endpoint.address}:${object.ports.map(({ port: number }) => number).join(',')} ${
                endpoint.ready ? 'ready' : endpoint.terminating ? 'terminating' : 'not ready'
              }`,
          ),
        )
    }
    return changes.length
  }
  return {
    apply: (...changes: Change[]) => take(endpoints.apply(changes)),
    status: (of: Pod, value: PodStatus | undefined) => take(endpoints.setStatus(of.name, of.uid, value)),
    all: () => [...known.values()].flat().sort(),
    slices: () => known,
  }
}

test('a pod is an endpoint as soon as it is running and ready', () => {
  const node = follow()
  const one = pod('one')
  expect(node.apply(here(web()), here(one))).toBe(0)
  node.status(one, status(one, '10.0.0.1', { ready: false, phase: 'Pending' }))
  expect(node.all()).toEqual(['10.0.0.1:8080 not ready'])
  node.status(one, status(one, '10.0.0.1'))
  expect(node.all()).toEqual(['10.0.0.1:8080 ready'])
})

test('the order in which Service, pod and status come does not matter', () => {
  const node = follow()
  const one = pod('one')
  node.apply(here(one))
  node.status(one, status(one, '10.0.0.1'))
  node.apply(here(web()))
  expect(node.all()).toEqual(['10.0.0.1:8080 ready'])
})

test('a status that changes nothing for the Services says nothing', () => {
  const node = follow()
  const one = pod('one')
  node.apply(here(web()), here(one))
  node.status(one, status(one, '10.0.0.1'))
  expect(node.status(one, status(one, '10.0.0.1', { message: 'still well' }))).toBe(0)
})

test('only pods of the namespace with all labels of the selector count', () => {
  const node = follow()
  const strict = web({
    selector: new Map([
      ['app', 'web'],
      ['tier', 'front'],
    ]),
  })
  const both = pod('both', { labels: { app: 'web', tier: 'front', more: 'x' } })
  const half = pod('half')
  const away = { ...both, name: objectName('other', 'both') }
  node.apply(here(strict), here(both), here(half), here(away))
  node.status(both, status(both, '10.0.0.1'))
  node.status(half, status(half, '10.0.0.2'))
  node.status(away, status(away, '10.0.0.3'))
  expect(node.all()).toEqual(['10.0.0.1:8080 ready'])
})

test('a pod that is taken back ends as a terminating endpoint, and goes when it is gone', () => {
  const node = follow()
  const one = pod('one')
  node.apply(here(web()), here(one))
  node.status(one, status(one, '10.0.0.1'))
  node.apply(gone(one))
  expect(node.all()).toEqual(['10.0.0.1:8080 terminating'])
  node.status(one, status(one, '10.0.0.1', { terminating: true, ready: false }))
  expect(node.all()).toEqual(['10.0.0.1:8080 terminating'])
  node.status(one, undefined)
  expect(node.all()).toEqual([])
  expect(node.slices().size).toBe(0)
})

test('a pod that never started is forgotten at once', () => {
  const node = follow()
  const one = pod('one')
  node.apply(here(web()), here(one), gone(one), here(pod('one')))
  node.status(one, status(one, '10.0.0.1'))
  expect(node.all()).toEqual(['10.0.0.1:8080 ready'])
})

test('a pod that was replaced under its name is no endpoint until its successor is', () => {
  const node = follow()
  const old = pod('one', { uid: 'old' })
  const fresh = pod('one', { uid: 'new' })
  node.apply(here(web()), here(old))
  node.status(old, status(old, '10.0.0.1'))
  node.apply(here(fresh))
  expect(node.all()).toEqual([])
  node.status(old, status(old, '10.0.0.1', { terminating: true }))
  expect(node.all()).toEqual([])
  node.status(fresh, status(fresh, '10.0.0.2'))
  expect(node.all()).toEqual(['10.0.0.2:8080 ready'])
})

test.each(['Succeeded', 'Failed'] as const)('a pod that has %s serves nobody', (phase) => {
  const node = follow()
  const one = pod('one')
  node.apply(here(web()), here(one))
  node.status(one, status(one, '10.0.0.1', { phase }))
  expect(node.all()).toEqual([])
})

test('a port by name is the number that each pod has under it', () => {
  const node = follow()
  const eighty = pod('a', { ports: [{ name: 'web', containerPort: 80 }] })
  const other = pod('b', { ports: [{ name: 'web', containerPort: 8080 }] })
  const udp = pod('c', { ports: [{ name: 'web', containerPort: 9, protocol: 'UDP' }] })
  node.apply(here(web({ ports: [port({ targetPort: 'web' })] })), here(eighty), here(other), here(udp))
  node.status(eighty, status(eighty, '10.0.0.1'))
  node.status(other, status(other, '10.0.0.2'))
  node.status(udp, status(udp, '10.0.0.3'))
  expect(node.all()).toEqual(['10.0.0.1:80 ready', '10.0.0.2:8080 ready'])
  expect(node.slices().size).toBe(2)
})

test('a Service of two families has a slice for each', () => {
  const node = follow()
  const one = pod('one')
  node.apply(here(web({ ipFamilies: ['IPv4', 'IPv6'] })), here(one))
  node.status(one, status(one, '10.0.0.1', { podIPs: [address('10.0.0.1'), address('fd00::1')] }))
  expect(node.all()).toEqual(['10.0.0.1:8080 ready', 'fd00::1:8080 ready'])
})

test('a changed selector or port, and a removed Service, take the slices along', () => {
  const node = follow()
  const one = pod('one')
  const other = pod('other', { labels: { app: 'other' } })
  node.apply(here(web()), here(one), here(other))
  node.status(one, status(one, '10.0.0.1'))
  node.status(other, status(other, '10.0.0.2'))
  node.apply(here(web({ selector: new Map([['app', 'other']]) })))
  expect(node.all()).toEqual(['10.0.0.2:8080 ready'])
  node.apply(here(web({ ports: [port({ targetPort: 9090 })] })))
  expect(node.all()).toEqual(['10.0.0.1:9090 ready'])
  node.apply(here(web({ selector: undefined })))
  expect(node.slices().size).toBe(0)
  node.apply(here(web()))
  node.apply(gone(web()))
  expect(node.slices().size).toBe(0)
})

test('a change of one pod touches its own Services only', () => {
  const node = follow()
  const one = pod('one')
  const services = Array.from({ length: 50 }, (_, index) =>
    service(`s${index}`, '10.96.0.9', { selector: new Map([['app', `s${index}`]]) }),
  )
  node.apply(...services.map(here), here(web()), here(one))
  expect(node.status(one, status(one, '10.0.0.1'))).toBe(1)
})
