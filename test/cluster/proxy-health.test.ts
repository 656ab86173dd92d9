import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { ProxyDaemon } from '../support/proxy-daemon.ts'
import { PLACES } from '../support/service-world.ts'
import { NODE, ProxiedWorld } from './harness/proxied-world.ts'

const HEALTH_CHECK_PORT = 30_123

let place: ProxiedWorld
let daemon: ProxyDaemon

beforeAll(async () => {
  place = await ProxiedWorld.start(1)
  await place.createNode()
  await place.setNodeAddress()
})

beforeEach(async () => {
  daemon = await ProxyDaemon.create(place.world.node)
})

afterEach(async () => {
  await daemon?.stop()
  await daemon?.cleanup()
  await daemon?.dispose()
})

afterAll(async () => place?.dispose())

/** A load balancer's Service whose one endpoint is on this node. */
const createService = (): Promise<unknown> =>
  place.createWeb({
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: HEALTH_CHECK_PORT,
    ports: [{ port: 80, targetPort: 8080 }],
  })

/** Status and body of an answer to somebody outside of the node; undefined: nobody answers. */
const ask = (port: number, path = '/'): Promise<{ status: number; body: unknown } | undefined> =>
  place.world.outside
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
  beforeEach(() => daemon.startOn('--kubeconfig', place.cluster.kubeconfig, '--proxy-mode', mode))

  it('are told where a Service has endpoints, for as long as there is the Service', async () => {
    expect(await ask(HEALTH_CHECK_PORT)).toBeUndefined()
    await createService()
    expect(await untilStatus(HEALTH_CHECK_PORT, 200)).toEqual({
      service: { namespace: 'default', name: 'web' },
      localEndpoints: 1,
      serviceProxyHealthy: true,
    })
    await place.setEndpoints({ ready: false })
    await untilStatus(HEALTH_CHECK_PORT, 503)
    await place.deleteWeb()
    await eventually(async () => ((await ask(HEALTH_CHECK_PORT)) === undefined ? true : undefined))
  })

  it('are told that the node goes, while the proxy lives on', async () => {
    await untilStatus(10_256, 200, '/healthz')
    const taint = { key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }
    await place.merge(NODE, { spec: { taints: [taint] } })
    expect(await untilStatus(10_256, 503, '/healthz')).toMatchObject({ nodeEligible: false, healthy: true })
    await untilStatus(10_256, 200, '/livez')
    await place.merge(NODE, { spec: { taints: [] } })
    await untilStatus(10_256, 200, '/healthz')
  })
})
