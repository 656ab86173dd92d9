import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CertificateAuthority } from '../../../cluster/harness/certificates.ts'
import { type Client, NODE, ServedNode } from './served.ts'

const PATHS = [
  '/',
  '/attach/default/web/main?stdout=1',
  '/attach/default/web/uid-web/main?stdout=1',
  '/checkpoint/default/web/main',
  '/configz',
  '/containerLogs/default/web/main',
  '/containerLogs/default/web/main?follow=true',
  '/debug/pprof/profile',
  '/exec/default/web/main?command=id&stdout=1',
  '/exec/default/web/uid-web/main?command=id&stdout=1',
  '/healthz',
  '/logs/',
  '/metrics',
  '/metrics/cadvisor',
  '/metrics/probes',
  '/metrics/resource',
  '/nowhere',
  '/pods',
  '/portForward/default/web?port=80',
  '/portForward/default/web/uid-web?port=80',
  '/run/default/web/main?cmd=id',
  '/run/default/web/uid-web/main?cmd=id',
  '/runningpods/',
  '/spec/',
  '/stats/summary',
  '/%zz',
  '//exec/default/web/main?command=id&stdout=1',
  '/healthz/../exec/default/web/main?command=id&stdout=1',
  '/healthz/%2e%2e/exec/default/web/main?command=id&stdout=1',
]
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
/** By the method that clients begin them with. */
const UPGRADES = [
  ['POST', { connection: 'Upgrade', upgrade: 'SPDY/3.1' }],
  [
    'GET',
    {
      ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
      ...{ 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==', 'sec-websocket-protocol': 'v4.channel.k8s.io' },
    },
  ],
] as const

/** Hundreds of requests, on a machine that may have other things to do. */
const SLOW = { timeout: 60_000 }
const TRIES_UPGRADE = /exec|attach|portForward|follow|pods/

let node: ServedNode
let foreign: CertificateAuthority
/** Whoever gets here has got through. */
let runtime: Server
let arrived = 0

beforeAll(async () => {
  node = await ServedNode.start()
  const elsewhere = join(node.folder, 'elsewhere')
  await mkdir(elsewhere)
  foreign = await CertificateAuthority.create(elsewhere)
  runtime = createServer((socket) => {
    arrived++
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(runtime, 'listening')
  const at = runtime.address()
  node.runtimeUrl = `http://127.0.0.1:${typeof at === 'object' ? at?.port : 0}/stream/token`
  const logs = join(node.folder, 'logs', 'default_web_uid-web', 'main')
  await mkdir(logs, { recursive: true })
  await writeFile(join(logs, '0.log'), '2026-11-22T10:00:00Z stdout F the secret\n')
})

afterAll(async () => {
  runtime?.close()
  await node?.dispose()
})

beforeEach(() => {
  node.runtimeCalls.length = 0
  arrived = 0
})

/** Asks for everything in every way; what came of each that is not what was expected. */
async function askEverything(
  client: Client,
  expected: (answer: { status: number; body: string }) => boolean,
  methods: readonly string[] = METHODS,
): Promise<readonly string[]> {
  const wrong: string[] = []
  const ask = async (method: string, path: string, headers: Client['headers'] = {}): Promise<void> => {
    const answer = await node.ask(method, path, { ...client, headers: { ...client.headers, ...headers } })
    const what = `${method} ${path}${headers.upgrade === undefined ? '' : ` to ${headers.upgrade}`}`
    if (!expected(answer)) wrong.push(`${what}: ${answer.status} ${answer.body}`)
  }
  for (const path of PATHS) {
    await Promise.all([
      ...methods.map((method) => ask(method, path)),
      // Each is a connection of its own, which takes its time.
      ...(TRIES_UPGRADE.test(path) ? UPGRADES : []).map(([method, headers]) => ask(method, path, headers)),
    ])
  }
  return wrong
}

const refused = (status: number) => (answer: { status: number; body: string }) =>
  answer.status === status && !answer.body.includes('secret') && !answer.body.includes('"items"')

const nothingHappened = (): void => {
  expect(node.runtimeCalls).toEqual([])
  expect(arrived).toBe(0)
}

describe('whoever is not known is refused everything, and nothing of it is done:', SLOW, () => {
  it('nobody in particular', async () => {
    expect(await askEverything({}, refused(401))).toEqual([])
    nothingHappened()
  })

  it('a certificate of somebody else’s authority', async () => {
    const certificate = await foreign.client('admin', ['system:masters'])
    expect(await askEverything({ certificate }, refused(401))).toEqual([])
    nothingHappened()
  })

  it('a serving certificate of our own authority', async () => {
    const certificate = await node.authority.server('admin', ['IP:127.0.0.1'])
    expect(await askEverything({ certificate }, refused(401), ['GET'])).toEqual([])
    nothingHappened()
  })

  it('a token that is none', async () => {
    expect(await askEverything({ headers: { authorization: 'Bearer bad:admin' } }, refused(401))).toEqual([])
    nothingHappened()
  })

  it.each(['Basic YWRtaW46YWRtaW4=', 'Bearer', 'Bearer ', 'good:admin', 'Bearer good:admin extra'])(
    'a header that says %j',
    async (authorization) => {
      expect(await node.ask('GET', '/pods', { headers: { authorization } })).toMatchObject({ status: 401 })
    },
  )
})

describe('whoever is known and has no rights is refused everything, and nothing of it is done:', SLOW, () => {
  it('by certificate', async () => {
    const certificate = await node.authority.client('mallory', ['people'])
    expect(
      await askEverything({ certificate }, (answer) => refused(403)(answer) || isGarbage(answer)),
    ).toEqual([])
    nothingHappened()
  })

  it('by token', async () => {
    const headers = { authorization: 'Bearer good:mallory' }
    const isRefused = (answer: { status: number; body: string }) => refused(403)(answer) || isGarbage(answer)
    expect(await askEverything({ headers }, isRefused, ['GET'])).toEqual([])
    nothingHappened()
  })

  it('is told what is missing, in words that people know', async () => {
    const headers = { authorization: 'Bearer good:mallory' }
    const { body } = await node.ask('GET', '/pods', { headers })
    expect(body).toBe('Forbidden (user=mallory, verb=get, resource=nodes, subresource(s)=[pods proxy])\n')
  })
})

/** `/%zz` is refused for what it is, once its sender is known. */
const isGarbage = ({ status, body }: { status: number; body: string }) =>
  status === 400 && (body === '' || body === 'the path cannot be read\n')

describe('while nobody can tell who it is and what they may do, everything is refused:', SLOW, () => {
  it.each([
    ['a token', 'who asks', { headers: { authorization: `Bearer good:admin-${randomUUID()}` } }],
    ['a certificate', 'what they may do', 'certificate'],
  ] as const)('%s', async (_, what, given) => {
    const client: Client =
      given === 'certificate' ? { certificate: await node.authority.client('admin-late') } : given
    node.reviews.away = true
    try {
      const garbage = (answer: { status: number; body: string }) =>
        given === 'certificate' && isGarbage(answer)
      expect(
        await askEverything(client, (answer) => refused(503)(answer) || garbage(answer), ['GET']),
      ).toEqual([])
      const { body } = await node.ask('GET', '/pods', client)
      expect(body).toBe(`the API server cannot be asked ${what} now\n`)
      nothingHappened()
    } finally {
      node.reviews.away = false
    }
    expect((await node.ask('GET', '/pods', client)).status).toBe(200)
  })
})

describe('whoever has the rights', () => {
  it('is asked about once for as long as the answer holds', async () => {
    const headers = { authorization: 'Bearer good:admin-often' }
    node.reviews.asked.length = 0
    const answers = await Promise.all([1, 2, 3, 4].map(() => node.ask('GET', '/metrics', { headers })))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(node.reviews.asked.map(({ kind }) => kind)).toEqual(['TokenReview', 'SubjectAccessReview'])
    expect(node.reviews.asked[1]?.spec).toEqual({
      user: 'admin-often',
      groups: ['people', 'system:authenticated'],
      resourceAttributes: {
        verb: 'get',
        version: 'v1',
        resource: 'nodes',
        subresource: 'metrics',
        name: NODE,
      },
    })
  })

  it('has the groups that its certificate names', async () => {
    const certificate = await node.authority.client('admin-grouped', ['one', 'two'])
    node.reviews.asked.length = 0
    expect((await node.ask('GET', '/healthz', { certificate })).status).toBe(200)
    expect(node.reviews.asked[0]?.spec.groups).toEqual(['one', 'two', 'system:authenticated'])
  })

  it.each([
    ['GET', '/containerLogs/default/web/main', 200, 'the secret\n'],
    [
      'GET',
      '/pods',
      200,
      '{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"web"}}]}',
    ],
    ['GET', '/healthz', 200, 'ok'],
    ['POST', '/run/default/web/main?cmd=echo%20ran', 200, 'ran\n'],
    ['GET', '/exec/default/web/main?command=id&stdout=1', 400, 'Upgrade request required\n'],
    ['GET', '/nowhere', 404, '404 page not found\n'],
    ['PUT', '/pods', 405, 'PUT is nothing that can be done at this path\n'],
    ['GET', '/containerLogs/default/web/other', 404, 'container "other" not found in pod "web"\n'],
    ['GET', '/containerLogs/default/nobody/main', 404, 'pod "nobody" does not exist\n'],
    [
      'GET',
      '/containerLogs/default/web/main?tailLines=x',
      400,
      'Unable to decode query: tailLines must be a whole number\n',
    ],
  ])('%s %s: %d', async (method, path, status, body) => {
    const headers = { authorization: 'Bearer good:admin' }
    expect(await node.ask(method, path, { headers })).toEqual({ status, body })
  })

  it('to a subresource alone gets no further than that', async () => {
    node.reviews.allowed.add('reader get pods').add('reader get metrics')
    const headers = { authorization: 'Bearer good:reader' }
    const status = async (path: string) => (await node.ask('GET', path, { headers })).status
    expect([await status('/pods'), await status('/runningpods/'), await status('/metrics')]).toEqual([
      200, 200, 200,
    ])
    expect([await status('/configz'), await status('/containerLogs/default/web/main')]).toEqual([403, 403])
  })

  it('to read runs nothing', async () => {
    node.reviews.allowed.add('watcher get proxy')
    const headers = { authorization: 'Bearer good:watcher' }
    expect((await node.ask('GET', '/containerLogs/default/web/main', { headers })).status).toBe(200)
    const path = '/exec/default/web/main?command=id&stdout=1'
    for (const [, upgrade] of UPGRADES)
      expect((await node.ask('GET', path, { headers: { ...headers, ...upgrade } })).status).toBe(403)
    nothingHappened()
  })
})
