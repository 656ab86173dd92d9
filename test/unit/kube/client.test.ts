import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { anonymous, type UserAccess } from '../../../src/kube/access/cluster-access.ts'
import { KubeClient, type KubeClientOptions } from '../../../src/kube/client.ts'
import { RestClientMetrics } from '../../../src/kube/metrics.ts'
import { startHttpProxy, startSocksProxy } from './proxies.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

let server: Server
let answer: Answer
let client: KubeClient | undefined
let connections: number
beforeEach(async () => {
  connections = 0
  server = createServer((request, response) => answer(request, response))
  server.on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(async () => {
  client?.close()
  client = undefined
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

const port = () => (server.address() as AddressInfo).port

interface Given extends Partial<Omit<KubeClientOptions, 'access'>> {
  readonly user?: Partial<UserAccess>
  readonly proxy?: string
  readonly path?: string
}

function connectTo({ user, proxy, path = '', ...options }: Given = {}): KubeClient {
  const access = {
    name: 'test',
    server: new URL(`http://127.0.0.1:${port()}${path}`),
    authority: undefined,
    tlsServerName: undefined,
    insecureSkipTlsVerify: false,
    proxy: proxy === undefined ? undefined : new URL(proxy),
    user: { ...anonymous, ...user },
    namespace: 'default',
  }
  client = new KubeClient({ access, userAgent: 'hawser/test', qps: 0, burst: 0, ...options })
  return client
}

const echo: Answer = ({ url, method, headers }, response) =>
  response.end(JSON.stringify({ url, method, ...headers }))

function answers(...codes: readonly number[]): Answer {
  const left = [...codes]
  return (_, response) => {
    response.statusCode = left.shift() ?? 200
    if (response.statusCode === 429 || response.statusCode === 503) response.setHeader('retry-after', '0')
    response.end(JSON.stringify({ message: 'scripted', left: left.length }))
  }
}

describe('the API client', () => {
  it('sends who it is, under a path of the server too, over one kept connection', async () => {
    answer = echo
    const impersonation = { 'Impersonate-User': 'jane', 'Impersonate-Group': ['a', 'b'] }
    const kube = connectTo({ user: { token: 'secret', impersonation }, path: '/clusters/c1/' })
    for (let i = 0; i < 3; i++) await kube.json({ path: '/version' })
    expect(await kube.json({ path: '/api', query: { labelSelector: '!a/b,c' } })).toMatchObject({
      url: '/clusters/c1/api?labelSelector=%21a%2Fb%2Cc',
      authorization: 'Bearer secret',
      'user-agent': 'hawser/test',
      'impersonate-user': 'jane',
      'impersonate-group': 'a, b',
    })
    expect(connections).toBe(1)
  })

  it('reads its token file again when the server refuses the token', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hw-client-'))
    try {
      const tokenFile = join(folder, 'token')
      await writeFile(tokenFile, 'first\n')
      let good = 'first'
      answer = (request, response) => {
        response.statusCode = request.headers.authorization === `Bearer ${good}` ? 200 : 401
        response.end('{}')
      }
      const kube = connectTo({ user: { tokenFile } })
      await kube.json({ path: '/api' })
      good = 'second'
      await expect(kube.json({ path: '/api' })).rejects.toMatchObject({ code: 'REFUSED', status: 401 })
      await writeFile(tokenFile, 'second\n')
      expect(await kube.json({ path: '/api' })).toEqual({})
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('repeats what the server did not serve and asked to have again', async () => {
    answer = answers(429, 503, 429)
    expect(await connectTo().json({ method: 'POST', path: '/api', body: {} })).toEqual({
      message: 'scripted',
      left: 0,
    })
  })

  it('does not repeat what the server may have served', async () => {
    answer = answers(500, 200)
    await expect(connectTo().json({ method: 'POST', path: '/api', body: {} })).rejects.toMatchObject({
      status: 500,
    })
  })

  it('says what was refused, why and what to do', async () => {
    answer = answers(403)
    await expect(connectTo().json({ path: '/api/v1/services' })).rejects.toThrow(
      `cannot GET http://127.0.0.1:${port()}/api/v1/services: the API server answered 403: scripted ` +
        '(grant it with a ClusterRole and a ClusterRoleBinding)',
    )
  })

  it('gives up on a server that takes a request and says nothing', async () => {
    answer = () => undefined
    const kube = connectTo({ requestTimeoutMs: 50 })
    await expect(kube.json({ path: '/api' })).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  it('gives up on an answer that stops in the middle', async () => {
    answer = (_, response) => response.write('{"items":')
    const kube = connectTo({ requestTimeoutMs: 50 })
    await expect(kube.json({ path: '/api' })).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  it.each([
    ['is no JSON', 'GARBAGE', (response: ServerResponse) => response.end('<html>')],
    ['breaks', 'UNREACHABLE', (response: ServerResponse) => response.write('{', () => response.destroy())],
  ])('reports an answer that %s', async (_, code, act) => {
    answer = (_request, response) => act(response)
    await expect(connectTo().json({ path: '/api' })).rejects.toMatchObject({ code })
  })

  it('finds out that a kept connection is gone, and asks again on a new one', async () => {
    answer = (request, response) => {
      echo(request, response)
      // Gone without a word to the client: as behind a balancer that forgets idle connections.
      response.on('finish', () => setImmediate(() => request.socket.resetAndDestroy()))
    }
    const kube = connectTo()
    for (let i = 0; i < 20; i++) expect(await kube.json({ path: '/api' })).toMatchObject({ url: '/api' })
  })

  it('counts requests and their times under the names that dashboards know', async () => {
    const registry = new Registry()
    answer = answers(200, 404)
    const kube = connectTo({ metrics: new RestClientMetrics(registry) })
    await kube.json({ path: '/api' })
    await kube.json({ path: '/api' }).catch(() => undefined)
    const text = await registry.metrics()
    const host = `host="127.0.0.1:${port()}"`
    expect(text).toContain(`rest_client_requests_total{code="200",method="GET",${host}} 1`)
    expect(text).toContain(`rest_client_requests_total{code="404",method="GET",${host}} 1`)
    expect(text).toContain(`rest_client_request_duration_seconds_count{verb="GET",${host}} 2`)
  })

  it.each([
    ['an HTTP', startHttpProxy],
    ['a SOCKS 5', startSocksProxy],
  ])('goes through %s proxy', async (_, start) => {
    answer = echo
    const proxy = await start()
    const kube = connectTo({ proxy: proxy.url })
    for (let i = 0; i < 2; i++) expect(await kube.json({ path: '/api' })).toMatchObject({ url: '/api' })
    expect(proxy.asked).toEqual([`127.0.0.1:${port()}`])
    kube.close()
    await proxy.close()
  })

  it('says what a proxy said', async () => {
    const proxy = await startHttpProxy()
    const kube = connectTo({ proxy: proxy.url.replace('p%20w', 'wrong') })
    await expect(kube.json({ path: '/api' })).rejects.toThrow('the proxy answered HTTP/1.1 407')
    await proxy.close()
  })
})
