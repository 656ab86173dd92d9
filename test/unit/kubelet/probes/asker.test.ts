import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import {
  Server as GrpcServer,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { afterEach, describe, expect, test } from 'vitest'
import { createAsker } from '../../../../src/kubelet/probes/asker.ts'
import type { ProbeTarget } from '../../../../src/kubelet/probes/targets.ts'
import type { ProbeAction } from '../../../../src/model/probe.ts'
import { Limit } from '../../../../src/util/limit.ts'
import { buildProbe } from '../../../support/probes.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

const never = new AbortController().signal

const targetOf = (action: ProbeAction): ProbeTarget => ({
  containerId: 'main-0',
  container: 'main',
  kind: 'readiness',
  probe: buildProbe({ action }),
  address: '127.0.0.1',
  startedAt: 0,
  passed: undefined,
})

const noPrograms = { execSync: () => Promise.reject(new Error('not asked')) }
const ask = (action: ProbeAction) => createAsker(noPrograms, new Limit(1))(targetOf(action), never)

async function listen(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => server.close())
  return (server.address() as AddressInfo).port
}

const http = (
  port: number,
  path: string,
  headers: readonly { name: string; value: string }[] = [],
): ProbeAction => ({
  ...{ kind: 'httpGet', scheme: 'http', host: undefined },
  ...{ port, path, headers },
})

describe('an HTTP probe', () => {
  const answering = (answer: (request: IncomingMessage, response: ServerResponse) => void) =>
    listen(createServer(answer))

  test.each([
    [200, true],
    [204, true],
    [399, true],
    [400, false],
    [503, false],
  ])('of a server that says %i: passes %s', async (status, passed) => {
    const port = await answering((_, response) => response.writeHead(status).end())
    expect(await ask(http(port, '/'))).toEqual({ passed, message: `HTTP status ${status}` })
  })

  test('sends its headers, and asks for its path as written', async () => {
    const seen: unknown[] = []
    const port = await answering(({ url, headers }, response) => {
      seen.push(url, headers.host, headers['x-a'])
      response.end()
    })
    const headers = [
      { name: 'Host', value: 'web.example' },
      { name: 'X-A', value: '1' },
      { name: 'X-A', value: '2' },
    ]
    await ask(http(port, '/healthz?deep=%2F', headers))
    expect(seen).toEqual(['/healthz?deep=%2F', 'web.example', '1, 2'])
  })

  test('follows redirects to the same host, and takes one that leads away for an answer', async () => {
    const port = await answering(({ url }, response) => {
      if (url === '/near') response.writeHead(302, { location: '/broken' }).end()
      else if (url === '/far') response.writeHead(302, { location: 'http://192.0.2.1/' }).end()
      else response.writeHead(500).end()
    })
    expect(await ask(http(port, '/near'))).toMatchObject({ passed: false, message: 'HTTP status 500' })
    expect(await ask(http(port, '/far'))).toMatchObject({ passed: true })
  })

  test('of a server that redirects for ever fails', async () => {
    const port = await answering((_, response) => response.writeHead(302, { location: '/' }).end())
    expect(await ask(http(port, '/'))).toEqual({ passed: false, message: 'more than 10 redirects' })
  })

  test('of a server that says nothing fails in time', async () => {
    const port = await answering(() => undefined)
    expect(await ask(http(port, '/'))).toEqual({ passed: false, message: 'no answer in time' })
  })
})

describe('a TCP probe', () => {
  test('passes when somebody listens, and fails when nobody does', async () => {
    const server = createTcpServer()
    const port = await listen(server)
    expect(await ask({ kind: 'tcpSocket', host: undefined, port })).toMatchObject({ passed: true })
    await new Promise((resolve) => server.close(resolve))
    const answer = await ask({ kind: 'tcpSocket', host: undefined, port })
    expect(answer).toEqual({ passed: false, message: `connect ECONNREFUSED 127.0.0.1:${port}` })
  })
})

describe('a gRPC probe', () => {
  /** Serves one health status for the service `web`, and NOT_FOUND for all others. */
  async function serving(status: number): Promise<number> {
    const server = new GrpcServer()
    const health = { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false }
    server.addService(
      {
        check: {
          ...health,
          requestSerialize: (bytes: Buffer) => bytes,
          requestDeserialize: (bytes: Buffer) => bytes.subarray(2).toString(),
          responseSerialize: (bytes: Buffer) => bytes,
          responseDeserialize: (bytes: Buffer) => bytes,
        },
      },
      {
        check: ({ request }: ServerUnaryCall<string, Buffer>, reply: sendUnaryData<Buffer>) =>
          request === 'web'
            ? reply(null, Buffer.of(8, status))
            : reply({ code: 5, details: 'unknown service' }),
      },
    )
    cleanups.push(() => server.forceShutdown())
    return new Promise((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      ),
    )
  }

  test.each([
    [1, 'web', { passed: true, message: 'health status 1' }],
    [2, 'web', { passed: false, message: 'health status 2' }],
    [1, 'other', { passed: false, message: '5 NOT_FOUND: unknown service' }],
  ])('of a server of status %i, asked for %s', async (status, service, answer) => {
    const port = await serving(status)
    expect(await ask({ kind: 'grpc', port, service })).toEqual(answer)
  })
})

test('programs of probes run so many at a time', async () => {
  let running = 0
  let most = 0
  const endings: (() => void)[] = []
  const programs = {
    execSync: async () => {
      most = Math.max(most, ++running)
      await new Promise<void>((resolve) => endings.push(resolve))
      running--
      return { exitCode: 0, stdout: new Uint8Array(), stderr: new Uint8Array() }
    },
  }
  const asker = createAsker(programs, new Limit(2))
  const answers = Array.from({ length: 5 }, () => asker(targetOf({ kind: 'exec', command: ['true'] }), never))
  for (let ended = 0; ended < 5; ended++) {
    while (endings.length === 0) await new Promise((resolve) => setImmediate(resolve))
    endings.shift()?.()
  }
  expect((await Promise.all(answers)).every(({ passed }) => passed)).toBe(true)
  expect(most).toBe(2)
})
