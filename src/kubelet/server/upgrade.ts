import {
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  STATUS_CODES,
} from 'node:http'
import { connect, type Socket } from 'node:net'
import { errorMessage } from '../../util/error-message.ts'
import { SOCKET_TOKEN } from './auth/authenticator.ts'
import { RequestError } from './request-error.ts'

/** A connection that speaks another protocol than HTTP once its upgrade is granted. */
export interface UpgradeRequest {
  readonly request: IncomingMessage
  /** What the client has sent behind the request already. */
  readonly head: Buffer
}

/** How long the runtime's streaming server may take to its answer, in ms. */
const ANSWER_MS = 30_000
/** Of an answer that is no upgrade, as much is passed on. */
const MAX_ANSWER_BYTES = 64 * 1024

/**
 * Passes an upgrade on to `target` and its answer back; once that grants it, bytes go both ways until both ends have
 * closed theirs. What they speak is theirs alone: SPDY, WebSocket. Resolves with the end of the client's connection.
 * Rejects with a RequestError `UNAVAILABLE`, with nothing sent, when the target does not answer.
 */
export async function proxyUpgrade(upgrade: UpgradeRequest, target: URL): Promise<void> {
  if (target.protocol !== 'http:')
    throw new RequestError(
      'FAILED',
      `the runtime serves sessions with ${target.protocol} (set enable_tls_streaming = false)`,
    )
  const answer = await ask(upgrade.request, target)
  const { head } = upgrade
  const { socket } = upgrade.request
  if (answer.kind === 'refused') {
    refuseUpgrade(socket, answer.status, answer.body)
    return
  }
  const { peer } = answer
  if (socket.destroyed) {
    peer.destroy()
    return
  }
  socket.write(answer.head)
  if (head.length > 0) peer.write(head)
  await Promise.all([pass(socket, peer), pass(peer, socket)])
}

/** Answers with an ordinary response, and ends the connection with it whatever its client does. */
export function refuseUpgrade(socket: Socket, status: number, body: string): void {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: text/plain; charset=utf-8',
    'X-Content-Type-Options: nosniff',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}

type Answer =
  | { readonly kind: 'granted'; readonly head: Buffer; readonly peer: Socket }
  | { readonly kind: 'refused'; readonly status: number; readonly body: string }

function ask(client: IncomingMessage, target: URL): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void =>
      reject(
        new RequestError(
          'UNAVAILABLE',
          `the runtime's streaming server does not answer: ${errorMessage(error)}`,
        ),
      )
    const request = httpRequest(target, {
      method: client.method ?? 'GET',
      headers: passedOn(client, target),
      // Either end may have said all it has to say before the other one has.
      createConnection: () =>
        connect({ host: hostOf(target), port: Number(target.port), allowHalfOpen: true, noDelay: true }),
    })
    const deadline = setTimeout(() => request.destroy(new Error(`nothing within ${ANSWER_MS} ms`)), ANSWER_MS)
    request.once('close', () => clearTimeout(deadline))
    request.once('upgrade', (response, peer, head) => {
      clearTimeout(deadline)
      const begin = `HTTP/1.1 ${response.statusCode} ${response.statusMessage}\r\n${headerLines(response)}\r\n`
      resolve({ kind: 'granted', head: Buffer.concat([Buffer.from(begin, 'latin1'), head]), peer })
    })
    request.once('response', (response) => {
      readText(response).then(
        (body) => resolve({ kind: 'refused', status: response.statusCode ?? 500, body }),
        fail,
      )
    })
    request.once('error', fail)
    request.end()
  })
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '')

/** Of one connection alone, or none of the runtime's business: it takes whoever knows the URL. */
const KEPT_BACK: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'cookie',
  'host',
  'transfer-encoding',
])

/** The client's headers, each as often as it came: SPDY clients offer one version of a protocol in each. */
function passedOn(client: IncomingMessage, target: URL): OutgoingHttpHeaders {
  const headers = Object.entries(client.headersDistinct).filter(([name]) => !KEPT_BACK.has(name))
  return {
    ...Object.fromEntries(headers.map(([name, values]) => [name, withoutToken(name, values)])),
    host: target.host,
  }
}

function withoutToken(name: string, values: readonly string[] = []): readonly string[] {
  if (name !== 'sec-websocket-protocol') return values
  const offered = values.flatMap((value) => value.split(',')).map((protocol) => protocol.trim())
  return [offered.filter((protocol) => !protocol.startsWith(SOCKET_TOKEN)).join(', ')]
}

function headerLines({ rawHeaders }: IncomingMessage): string {
  const lines = []
  for (let index = 0; index < rawHeaders.length; index += 2)
    lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}\r\n`)
  return lines.join('')
}

async function readText(response: IncomingMessage): Promise<string> {
  let body = ''
  response.setEncoding('utf8')
  for await (const part of response) {
    body += part
    if (body.length > MAX_ANSWER_BYTES) break
  }
  return body.slice(0, MAX_ANSWER_BYTES)
}

/** Passes bytes one way, and the end of them. A connection that breaks takes the other one with it, once that has all. */
function pass(from: Socket, to: Socket): Promise<void> {
  from.pipe(to)
  return new Promise((resolve) => {
    // Of a broken connection there is nothing to be said to anybody: both ends see it.
    from.on('error', () => from.destroy())
    from.once('close', () => {
      if (!from.readableEnded) to.destroySoon()
      resolve()
    })
  })
}
