import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import {
  HealthCheckServers,
  type HealthCheckServersOptions,
} from '../../../../src/dataplane/health-check/health-check-servers.ts'
import type { Change } from '../../../../src/model/change.ts'
import type { SliceEndpoint } from '../../../../src/model/endpoint-slice.ts'
import { type ObjectName, objectName } from '../../../../src/model/object-name.ts'
import type { Service } from '../../../../src/model/service.ts'
import { silentLogger } from '../../../../src/util/logger.ts'
import { eventually } from '../../../support/eventually.ts'
import {
  address,
  serviceChange as is,
  service,
  sliceEndpoint,
  slice as sliceOf,
} from '../../../support/services.ts'

const LOCALHOST = address('127.0.0.1')

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

function servers(options: Partial<HealthCheckServersOptions> = {}): HealthCheckServers {
  const made = HealthCheckServers.open({
    nodeName: 'here',
    addresses: [LOCALHOST],
    isHealthy: () => true,
    log: silentLogger,
    ...options,
  })
  open.push(made)
  return made
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = await listenAt(0)
  const at = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (at === null || typeof at === 'string') throw new Error('no port')
  return at.port
}

async function listenAt(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(port, LOCALHOST, resolve))
  return server
}

const checked = (name: string, port: number, fields: Partial<Service> = {}): Service =>
  service(name, '10.96.0.1', {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: port,
    ...fields,
  })

const gone = (name: string): Change => ({
  kind: 'Service',
  name: objectName('default', name),
  object: undefined,
})

const slice = (name: string, endpoints: readonly SliceEndpoint[], fields = {}): Change => {
  const object = { ...sliceOf('web', endpoints), name: objectName('default', name), ...fields }
  return { kind: 'EndpointSlice', name: object.name, object }
}

async function ask(port: number, host = '127.0.0.1'): Promise<{ response: Response; body: unknown }> {
  const response = await fetch(`http://${host}:${port}/`, { headers: { connection: 'close' } })
  return { response, body: await response.json() }
}

/** Tries until the port answers, and returns what it says of its endpoints. */
const countAt = (port: number, host?: string): Promise<number> =>
  eventually(async () =>
    Number((await ask(port, host)).response.headers.get('x-load-balancing-endpoint-weight')),
  )

const nameAt = (port: number): Promise<unknown> => eventually(async () => (await ask(port)).body)

const refused = (port: number): Promise<boolean> =>
  eventually(() =>
    ask(port).then(
      () => undefined,
      () => true,
    ),
  )

describe('what a load balancer is told', () => {
  it('is the number of local ready endpoints, in body and header', async () => {
    const port = await freePort()
    const made = servers()
    made.apply([
      is(checked('web', port)),
      slice('web-1', [sliceEndpoint('10.1.0.1'), sliceEndpoint('10.1.0.2')]),
    ])
    await countAt(port)
    const { response, body } = await ask(port)
    expect(response.status).toBe(200)
    expect(response.headers.get('x-load-balancing-endpoint-weight')).toBe('2')
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(body).toEqual({
      service: { namespace: 'default', name: 'web' },
      localEndpoints: 2,
      serviceProxyHealthy: true,
    })
  })

  it('is 503 without a local endpoint', async () => {
    const port = await freePort()
    servers().apply([is(checked('web', port))])
    expect(await countAt(port)).toBe(0)
    expect((await ask(port)).response.status).toBe(503)
  })

  it('is 503 while the rules are not as they should be, with the endpoints all the same', async () => {
    const port = await freePort()
    let healthy = false
    servers({ isHealthy: () => healthy }).apply([
      is(checked('web', port)),
      slice('web-1', [sliceEndpoint('10.1.0.1')]),
    ])
    await countAt(port)
    const before = await ask(port)
    expect([before.response.status, before.body]).toMatchObject([
      503,
      { localEndpoints: 1, serviceProxyHealthy: false },
    ])
    healthy = true
    expect((await ask(port)).response.status).toBe(200)
  })

  it('follows the slices, whichever comes first', async () => {
    const port = await freePort()
    const made = servers()
    made.apply([slice('web-1', [sliceEndpoint('10.1.0.1')])])
    made.apply([is(checked('web', port))])
    expect(await countAt(port)).toBe(1)
    made.apply([slice('web-2', [sliceEndpoint('10.1.0.2')])])
    expect(await countAt(port)).toBe(2)
    made.apply([{ kind: 'EndpointSlice', name: objectName('default', 'web-1'), object: undefined }])
    expect(await countAt(port)).toBe(1)
  })

  it.each<[string, Change]>([
    ['of another node', slice('s', [sliceEndpoint('10.1.0.1', { nodeName: 'there' })])],
    ['of no node', slice('s', [sliceEndpoint('10.1.0.1', { nodeName: undefined })])],
    ['terminating', slice('s', [sliceEndpoint('10.1.0.1', { ready: false, terminating: true })])],
    ['of a slice without ports', slice('s', [sliceEndpoint('10.1.0.1')], { ports: [] })],
  ])('leaves out endpoints %s', async (_, change) => {
    const port = await freePort()
    servers().apply([is(checked('web', port)), change])
    expect(await countAt(port)).toBe(0)
  })

  it('counts an address once, in however many slices it is', async () => {
    const port = await freePort()
    const endpoints = [sliceEndpoint('10.1.0.1')]
    servers().apply([is(checked('web', port)), slice('web-1', endpoints), slice('web-2', endpoints)])
    expect(await countAt(port)).toBe(1)
  })

  it('is of the family that was asked', async () => {
    const port = await freePort()
    servers({ addresses: [LOCALHOST, address('::1')] }).apply([
      is(checked('web', port, { clusterIPs: [address('10.96.0.1'), address('fd00::1')] })),
      slice('web-1', [sliceEndpoint('10.1.0.1')]),
      slice('web-2', [sliceEndpoint('fd01::1'), sliceEndpoint('fd01::2')], { family: 'IPv6' }),
    ])
    expect([await countAt(port), await countAt(port, '[::1]')]).toEqual([1, 2])
  })
})

describe('a port', () => {
  it('is not opened for a Service that load balancers need not ask about', async () => {
    const port = await freePort()
    const made = servers()
    made.apply([
      is(checked('cluster', port, { externalTrafficPolicy: 'Cluster' })),
      is(checked('node-port', port, { type: 'NodePort' })),
    ])
    expect(await refused(port)).toBe(true)
    expect(made.problems()).toEqual([])
  })

  it('closes when its Service goes, and moves when the Service asks for another', async () => {
    const [first, second] = [await freePort(), await freePort()]
    const made = servers()
    made.apply([is(checked('web', first))])
    await countAt(first)
    made.apply([is(checked('web', second))])
    await countAt(second)
    await refused(first)
    made.apply([gone('web')])
    await refused(second)
  })

  it('that others have is a problem, and is taken as soon as it is free', async () => {
    const port = await freePort()
    const holder = await listenAt(port)
    const failed: [ObjectName, number][] = []
    const made = servers({ onFailure: (failure) => failed.push([failure.service, failure.port]) })
    made.apply([is(checked('web', port))])
    await eventually(() => (failed.length > 0 ? true : undefined))
    expect(made.problems()).toMatchObject([
      { place: 'Service default/web', reason: expect.stringContaining('EADDRINUSE') },
    ])
    await new Promise((resolve) => holder.close(resolve))
    expect(await countAt(port)).toBe(0)
    expect([made.problems(), failed]).toEqual([[], [['default/web', port]]])
  })

  it('that two Services ask for is the first one’s, and goes to the other with it', async () => {
    const port = await freePort()
    const made = servers()
    made.apply([is(checked('one', port)), is(checked('two', port))])
    expect(await nameAt(port)).toMatchObject({ service: { name: 'one' } })
    expect(made.problems()).toMatchObject([
      { place: 'Service default/two', reason: expect.stringContaining('Service default/one') },
    ])
    made.apply([gone('one')])
    expect(await nameAt(port)).toMatchObject({ service: { name: 'two' } })
    expect(made.problems()).toEqual([])
  })

  it('is free once all is closed, also right after it was asked for', async () => {
    const port = await freePort()
    const made = servers()
    made.apply([is(checked('web', port))])
    await made.close()
    const server = await eventually(() => listenAt(port))
    await new Promise((resolve) => server.close(resolve))
  })
})
