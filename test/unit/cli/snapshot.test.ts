import { expect, test } from 'vitest'
import type { NodeFacts } from '../../../src/cli/up/node-facts.ts'
import { notReady } from '../../../src/cli/up/readiness.ts'
import { takeSnapshot } from '../../../src/cli/up/snapshot.ts'
import type { FrontendStatus } from '../../../src/dataplane/status.ts'
import type { Pod } from '../../../src/model/pod.ts'
import type { PodStatus } from '../../../src/model/pod-status.ts'
import { parsePod } from '../../../src/sources/objects/pod.ts'
import { address, port, service, slice, sliceEndpoint } from '../../support/services.ts'

const web = service('web', '10.96.0.9', {
  type: 'NodePort',
  ports: [port({ nodePort: 30_080 })],
})

const frontend = (fields: Partial<FrontendStatus> = {}): FrontendStatus => ({
  service: web.name,
  portName: '',
  kind: 'ClusterIP',
  address: address('10.96.0.9'),
  protocol: 'TCP',
  port: 80,
  endpoints: 1,
  inForce: true,
  ...fields,
})

function pod(name: string): Pod {
  const written = { apiVersion: 'v1', kind: 'Pod', metadata: { name, uid: `${name}-uid` } }
  const { value } = parsePod({ ...written, spec: { containers: [{ name: 'main', image: 'web:1' }] } })
  if (value === undefined) throw new Error('the pod of the test is none')
  return value
}

const status = (of: Pod, fields: Partial<PodStatus> = {}): PodStatus => ({
  name: of.name,
  uid: of.uid,
  phase: 'Running',
  ready: true,
  terminating: false,
  sandboxReady: true,
  podIPs: [address('10.244.0.2')],
  reason: 'Running',
  message: '',
  startedAt: 0,
  initContainers: [],
  containers: [
    {
      name: 'main',
      ready: true,
      started: true,
      restartCount: 2,
      image: '',
      imageId: '',
      id: '',
      state: { kind: 'running', startedAt: 0 },
      lastTermination: undefined,
    },
  ],
  ...fields,
})

function facts(fields: {
  pods?: readonly Pod[]
  statuses?: readonly PodStatus[]
  frontends?: readonly FrontendStatus[]
  ready?: number
}): NodeFacts {
  const { pods = [], statuses = [], frontends = [frontend()], ready = 1 } = fields
  const endpoints = [
    sliceEndpoint('10.244.0.2', { ready: ready > 0 }),
    sliceEndpoint('10.244.0.3', { ready: ready > 1 }),
  ]
  const only = slice('web', endpoints)
  return {
    services: new Map([[web.name, web]]),
    slices: new Map([[only.name, only]]),
    pods: new Map(pods.map((each) => [each.name, each])),
    statuses: new Map(statuses.map((each) => [each.name, each])),
    nodeAddresses: [address('192.0.2.10'), address('fd00::2')],
    problems: [],
    proxy: { families: [], frontends, problems: [], conntrack: undefined },
  }
}

test('a Service that answers shows its addresses, its endpoints, and what to try in its own families', () => {
  const { services, urls } = takeSnapshot(facts({}))
  expect(services).toEqual([
    {
      service: 'web',
      type: 'NodePort',
      protocol: 'TCP',
      addresses: ['10.96.0.9:80'],
      nodePort: 30_080,
      nodeAddresses: ['192.0.2.10:30080'],
      endpoints: { ready: 1, total: 2 },
      state: 'answers',
    },
  ])
  expect(urls).toEqual(['http://10.96.0.9:80', 'http://192.0.2.10:30080'])
})

test('a Service that nobody serves has nothing to try', () => {
  expect(takeSnapshot(facts({ ready: 0 }))).toMatchObject({ services: [{ state: 'no endpoints' }], urls: [] })
})

test.each([
  ['was never asked for', []],
  ['is on its way', [frontend(), frontend({ kind: 'NodePort', inForce: false })]],
])('a Service of which a frontend %s is not in the kernel', (_, frontends) => {
  expect(takeSnapshot(facts({ frontends })).services[0]?.state).toBe('not in the kernel')
})

test('a pod shows its reason, restarts and addresses, and one that is not wanted any more that it ends', () => {
  const [a, b, c, d] = [pod('a'), pod('b'), pod('c'), pod('d')]
  const crashing = status(b, { ready: false, reason: 'CrashLoopBackOff', message: 'exit status 1' })
  const replaced = status(c, { uid: 'former' })
  const { pods } = takeSnapshot(
    facts({ pods: [a, b, c], statuses: [crashing, replaced, status(d, { reason: 'Running' })] }),
  )
  expect(pods.map((row) => [row.pod, row.state, row.message, row.restarts])).toEqual([
    ['a', 'Pending', '', 0],
    ['b', 'CrashLoopBackOff', 'exit status 1', 2],
    ['c', 'Terminating', '', 2],
    ['d', 'Terminating', '', 2],
  ])
})

test('a node is ready when its pods are, the last ones are gone, and the kernel has every Service', () => {
  const [a, b, c] = [pod('a'), pod('b'), pod('c')]
  expect(notReady(facts({ pods: [a], statuses: [status(a)] }))).toEqual([])
  const done = status(b, { phase: 'Succeeded', ready: false, reason: 'Completed' })
  expect(notReady(facts({ pods: [b], statuses: [done] }))).toEqual([])
  const failing = status(b, { ready: false, reason: 'ImagePullBackOff', message: 'no such image' })
  expect(
    notReady(
      facts({ pods: [a, b], statuses: [failing, status(c)], frontends: [frontend({ inForce: false })] }),
    ),
  ).toEqual([
    'pod a is not ready (not begun)',
    'pod b is not ready (ImagePullBackOff: no such image)',
    'pod c of a former run is still there',
    'Service web is not in the kernel',
  ])
})
