import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { ProxyDaemon } from '../support/proxy-daemon.ts'
import { PLACES, ServiceWorld } from '../support/service-world.ts'
import { ApiGate } from './harness/api-gate.ts'
import { TestCluster } from './harness/test-cluster.ts'

const NODE = '/api/v1/nodes/here'
const SERVICES = '/api/v1/namespaces/default/services'
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
const HEALTH_CHECK_PORT = 30_123

let cluster: TestCluster
let world: ServiceWorld
let gate: ApiGate
let daemon: ProxyDaemon

beforeAll(async () => {
  const [started, made] = await Promise.all([TestCluster.start(), ServiceWorld.create(1)])
  cluster = started
  world = made
  gate = await ApiGate.open(world.node.path, cluster.serverPort)
  await cluster.admin.json({ method: 'POST', path: '/api/v1/nodes', body: { metadata: { name: 'here' } } })
  await merge(`${NODE}/status`, {
    status: { addresses: [{ type: 'InternalIP', address: PLACES.IPv4.node }] },
  })
})

beforeEach(async () => {
  daemon = await ProxyDaemon.create(world.node)
})

afterEach(async () => {
  await daemon?.stop()
  await daemon?.cleanup()
  await daemon?.dispose()
})

afterAll(async () => {
  await gate?.close()
  await world?.dispose()
  await cluster?.dispose()
})

const merge = (path: string, body: object): Promise<unknown> =>
  cluster.admin.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body })

/** A load balancer's Service whose one endpoint is on this node, ready or not. */
async function createService(): Promise<void> {
  const spec = {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: HEALTH_CHECK_PORT,
    ports: [{ port: 80, targetPort: 8080 }],
  }
  await cluster.admin.json({ method: 'POST', path: SERVICES, body: { metadata: { name: 'web' }, spec } })
  const slice = {
    metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints(true),
  }
  await cluster.admin.json({ method: 'POST', path: SLICES, body: slice })
}

const endpoints = (ready: boolean): readonly object[] =>
  world.servers.map(({ addresses }) => ({
    addresses: [addresses.IPv4],
    conditions: { ready },
    nodeName: 'here',
  }))

/** Status and body of an answer to somebody outside of the node; undefined: nobody answers. */
const ask = (port: number, path = '/'): Promise<{ status: number; body: unknown } | undefined> =>
  world.outside
    .exec('curl', '-s', '-m', '5', '-w', '\n%{http_code}', `http://${PLACES.IPv4.node}:${port}${path}`)
    .then(
      (text) => {
        const lines = text.trim().split('\n')
        return { status: Number(lines.pop()), body: JSON.parse(lines.join('\n')) }
      },
      () => undefined,
    )

const untilStatus = (port: number, status: number, path?: string): Promise<unknown> =>
  eventually(async () => {
    const answer = await ask(port, path)
    expect(answer?.status).toBe(status)
    return answer?.body
  })

describe.each(['nftables', 'iptables'])('load balancers of a node in mode %s', (mode) => {
  beforeEach(() => daemon.startOn('--kubeconfig', cluster.kubeconfig, '--proxy-mode', mode))

  it('are told where a Service has endpoints, for as long as there is the Service', async () => {
    expect(await ask(HEALTH_CHECK_PORT)).toBeUndefined()
    await createService()
    expect(await untilStatus(HEALTH_CHECK_PORT, 200)).toEqual({
      service: { namespace: 'default', name: 'web' },
      localEndpoints: 1,
      serviceProxyHealthy: true,
    })
    await merge(`${SLICES}/web-1`, { endpoints: endpoints(false) })
    await untilStatus(HEALTH_CHECK_PORT, 503)
    for (const path of [`${SERVICES}/web`, `${SLICES}/web-1`])
      await cluster.admin.json({ method: 'DELETE', path })
    await eventually(async () => ((await ask(HEALTH_CHECK_PORT)) === undefined ? true : undefined))
  })

  it('are told that the node goes, while the proxy lives on', async () => {
    await untilStatus(10_256, 200, '/healthz')
    const taint = { key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }
    await merge(NODE, { spec: { taints: [taint] } })
    expect(await untilStatus(10_256, 503, '/healthz')).toMatchObject({ nodeEligible: false, healthy: true })
    await untilStatus(10_256, 200, '/livez')
    await merge(NODE, { spec: { taints: [] } })
    await untilStatus(10_256, 200, '/healthz')
  })
})
