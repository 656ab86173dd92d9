import { afterAll, beforeAll, expect, it } from 'vitest'
import { isRecord } from '../../src/kube/kube-object.ts'
import { eventually } from '../support/eventually.ts'
import { TestCluster } from './harness/test-cluster.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await TestCluster.start({ controllerManager: true, scheduler: true })
})

afterAll(async () => cluster?.dispose())

const pods = '/api/v1/namespaces/default/pods'
const post = (path: string, body: object): Promise<unknown> =>
  cluster.admin.json({ method: 'POST', path, body })

it('schedules a pod and makes it an endpoint of its Service', async () => {
  await post('/api/v1/nodes', { metadata: { name: 'node-1' } })
  await cluster.admin.json({
    method: 'PATCH',
    path: '/api/v1/nodes/node-1/status',
    contentType: 'application/merge-patch+json',
    body: { status: { allocatable: { cpu: '4', memory: '4Gi', pods: '110' } } },
  })
  await post('/api/v1/namespaces/default/services', {
    metadata: { name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  })
  const spec = { containers: [{ name: 'c', image: 'none' }], tolerations: [{ operator: 'Exists' }] }
  // Refused until the controller manager has made the namespace's service account.
  await eventually(() => post(pods, { metadata: { name: 'web', labels: { app: 'web' } }, spec }), 30_000)
  await eventually(async () => {
    const pod = await cluster.admin.json({ path: `${pods}/web` })
    return isRecord(pod) && isRecord(pod.spec) && pod.spec.nodeName === 'node-1' ? true : undefined
  }, 30_000)
  await cluster.admin.json({
    method: 'PATCH',
    path: `${pods}/web/status`,
    contentType: 'application/merge-patch+json',
    body: {
      status: {
        phase: 'Running',
        podIP: '10.1.0.5',
        podIPs: [{ ip: '10.1.0.5' }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    },
  })
  const addresses = await eventually(async () => {
    const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
    const query = { labelSelector: 'kubernetes.io/service-name=web' }
    const text = JSON.stringify(await cluster.admin.json({ path, query }))
    return text.includes('"ready":true') ? text : undefined
  }, 30_000)
  expect(addresses).toContain('"addresses":["10.1.0.5"]')
})
