import { X509Certificate } from 'node:crypto'
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
import { TlsRenewal, tlsOptions } from './certificate/tls-renewal.ts'
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
/** Longer than API servers keep one (Go's net/http: 90 s): they are to end it, or they would send into its end. */
const IDLE_MS = 120_000
/** As Go's net/http: a command line of an exec stands in the query. */
const MAX_HEAD_BYTES = 1 << 20

/** Serves the node's API. Rejects with a ServerError when the address or the certificate cannot be used. */
export async function serveKubelet(options: KubeletServerOptions): Promise<KubeletServer> {
  const { bind, tls, log, rereadMs = REREAD_MS } = options
  const material = await readMaterial(tls)
  /** What each connection's handshake was made with. */
  const authorities = new WeakMap<Socket, TlsMaterial['ca']>()
  const isCurrent = (socket: Socket): boolean => authorities.get(socket) === renewal.material.ca
  const server = createTls(material)
  const renewal = new TlsRenewal(server, { source: tls, material, everyMs: rereadMs, log })
  const metrics = new ServerMetrics(options.registry, () => endOf(renewal.material))
  const api = createApi(options, metrics, isCurrent)
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }
  // Before the handshake and behind it: a connection is two sockets.
  server.on('connection', keep)
  server.on('secureConnection', keep)
  server.on('secureConnection', (socket) => authorities.set(socket, renewal.material.ca))
  server.on('request', (request, response) => {
    // On its next connection its sender may be known again.
    if (!isCurrent(request.socket)) response.shouldKeepAlive = false
    void api.answer(request, response)
  })
  server.on('upgrade', (request, _socket, head) => {
    // One half of a session may be over before the other.
    request.socket.allowHalfOpen = true
    void api.upgrade(request, head)
  })
  try {
    await listen(server, bind)
  } catch (error) {
    renewal.close()
    throw error
  }
  return {
    port: portOf(server),
    async close() {
      renewal.close()
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
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

function createTls(material: TlsMaterial): Server {
  try {
    return createServer({
      ...tlsOptions(material),
      ...{ handshakeTimeout: HANDSHAKE_MS, maxHeaderSize: MAX_HEAD_BYTES },
      // A session can be silent for hours; whether the other end is there still, TCP finds out.
      ...{ keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, keepAliveTimeout: IDLE_MS },
      // Without an authority of ours, Node would trust all that the system does.
      ...(material.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: false }),
    })
  } catch (error) {
    throw unusable(error)
  }
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
