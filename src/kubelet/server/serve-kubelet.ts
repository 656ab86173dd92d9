import { constants, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { Socket } from 'node:net'
import { type BindAddress, formatBindAddress } from '../../config/bind-address.ts'
import type { Registry } from '../../metrics/registry.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { Authenticator } from './auth/authenticator.ts'
import { Authorizer } from './auth/authorizer.ts'
import type { ReviewClient } from './auth/review.ts'
import { Tokens } from './auth/tokens.ts'
import type { TlsMaterial, TlsSource } from './certificate/tls-material.ts'
import { KubeletApi } from './kubelet-api.ts'
import { ServerMetrics } from './metrics.ts'
import type { Pages } from './page.ts'
import type { PodAccess } from './pod-access.ts'
import type { PodObjects } from './pod-lists.ts'
import { ServerError } from './server-error.ts'

/** How long answers of the API server hold, in ms. */
export interface ReviewLifetimes {
  readonly tokenMs: number
  readonly allowedMs: number
  readonly deniedMs: number
}

export interface KubeletServerOptions {
  readonly bind: BindAddress
  readonly nodeName: string
  readonly tls: Pick<TlsSource, 'read'>
  /** Asks the API server who sends requests, and what they may do. */
  readonly reviews: ReviewClient
  readonly lifetimes: ReviewLifetimes
  readonly pods: PodAccess
  readonly objects: PodObjects
  readonly pages: Pages
  readonly registry: Registry
  readonly log: Logger
  /** How often what TLS is made of is looked at; 10 s unless said otherwise. */
  readonly rereadMs?: number
}

export interface KubeletServer {
  readonly port: number
  /** Ends all connections, sessions in pods among them. */
  close(): Promise<void>
}

/** Files that it is made of are looked at as often. */
const REREAD_MS = 10_000
/** A stranger who opens a connection and says nothing is not waited for. */
const HANDSHAKE_MS = 10_000
/** As Go's net. */
const KEEP_ALIVE_MS = 15_000
/** As Go's net/http: a command line of an exec stands in the query. */
const MAX_HEAD_BYTES = 1 << 20

/** TLS 1.2 at least. No session is resumed: it would carry on what a former authority vouched for. */
const TLS = { minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET } as const

/** Serves the node's API. Rejects with a ServerError when the address or the certificate cannot be used. */
export async function serveKubelet(options: KubeletServerOptions): Promise<KubeletServer> {
  const { bind, tls, log, rereadMs = REREAD_MS } = options
  let material = await readMaterial(tls)
  /** What each connection's handshake was made with. */
  const authorities = new WeakMap<Socket, TlsMaterial['ca']>()
  const isCurrent = (socket: Socket): boolean => authorities.get(socket) === material.ca
  const metrics = new ServerMetrics(options.registry, () => endOf(material))
  const api = createApi(options, metrics, isCurrent)
  const server = createTls(material)
  const sessions = new Set<Socket>()
  server.on('secureConnection', (socket) => authorities.set(socket, material.ca))
  server.on('request', (request, response) => {
    // On its next connection its sender may be known again.
    if (!isCurrent(request.socket)) response.shouldKeepAlive = false
    void api.answer(request, response)
  })
  server.on('upgrade', (request, _socket, head) => {
    const { socket } = request
    sessions.add(socket)
    socket.once('close', () => sessions.delete(socket))
    void api.upgrade(request, head)
  })
  let complaint = ''
  const rereading = setInterval(() => {
    renew(server, tls, material).then(
      (read) => {
        material = read
        complaint = ''
      },
      (error: unknown) => {
        if (errorMessage(error) !== complaint)
          log.warn({ error: errorMessage(error) }, "The node's API keeps the certificates that it has")
        complaint = errorMessage(error)
      },
    )
  }, rereadMs)
  rereading.unref()
  try {
    await listen(server, bind)
  } catch (error) {
    clearInterval(rereading)
    throw error
  }
  return {
    port: portOf(server),
    async close() {
      clearInterval(rereading)
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      for (const socket of sessions) socket.destroy()
      await closed
    },
  }
}

function createApi(
  options: KubeletServerOptions,
  metrics: ServerMetrics,
  isCurrent: (socket: Socket) => boolean,
): KubeletApi {
  const { reviews, lifetimes, nodeName, pods, objects, pages, log } = options
  const { tokenMs, allowedMs, deniedMs } = lifetimes
  return new KubeletApi({
    authenticator: new Authenticator({ tokens: new Tokens(reviews, tokenMs), isCurrent }),
    authorizer: new Authorizer({ client: reviews, nodeName, allowedMs, deniedMs }),
    ...{ metrics, pods, objects, pages, log },
  })
}

/** When its certificate ends, in ms since the epoch. */
const endOf = ({ cert }: TlsMaterial): number => Date.parse(new X509Certificate(cert).validTo)

async function readMaterial(tls: Pick<TlsSource, 'read'>): Promise<TlsMaterial> {
  try {
    return await tls.read(Date.now())
  } catch (error) {
    throw unusable(error)
  }
}

function createTls({ cert, key, ca }: TlsMaterial): Server {
  try {
    return createServer({
      ...{ ...TLS, cert, key, handshakeTimeout: HANDSHAKE_MS, maxHeaderSize: MAX_HEAD_BYTES },
      // Half a session's streams may be over before the other half.
      allowHalfOpen: true,
      // A session can be silent for hours; whether the other end is there still, TCP finds out.
      ...{ keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
      // Without an authority of ours, Node would trust all that the system does.
      ...(ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: false }),
    })
  } catch (error) {
    throw unusable(error)
  }
}

/** Has the next connections be made with what there is now. */
async function renew(
  server: Server,
  tls: Pick<TlsSource, 'read'>,
  before: TlsMaterial,
): Promise<TlsMaterial> {
  const read = await tls.read(Date.now())
  // Fails where one of two files has been replaced and the other not yet: what is in force stays so.
  if (read !== before)
    server.setSecureContext({ ...TLS, cert: read.cert, key: read.key, ...(read.ca && { ca: read.ca }) })
  return read
}

/** Go's net, and so the kubelet, makes no difference between them. */
const ANY: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

async function listen(server: Server, bind: BindAddress): Promise<void> {
  try {
    const ready = once(server, 'listening')
    // Without an address Node takes all of both families, or those of IPv4 where there is no other.
    if (ANY.has(bind.address)) server.listen(bind.port)
    else server.listen(bind.port, bind.address)
    await ready
  } catch (error) {
    const where = formatBindAddress(bind)
    throw new ServerError(
      'ADDRESS_UNUSABLE',
      `cannot serve the node's API at ${where}: ${errorMessage(error)}`,
      'end who else listens there, another kubelet perhaps, or choose another with --address and --port',
      { cause: error },
    )
  }
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const unusable = (error: unknown): ServerError =>
  new ServerError(
    'CERTIFICATE_UNUSABLE',
    `cannot serve the node's API: ${errorMessage(error)}`,
    'check --tls-cert-file, --tls-private-key-file and --client-ca-file',
    { cause: error },
  )
