import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorMessage } from '../util/error-message.ts'
import type { ClusterAccess } from './access/cluster-access.ts'
import { Credentials, type Identity } from './credentials/credentials.ts'
import { KubeError } from './error.ts'
import { Connections } from './http/connections.ts'
import { exchange, readBody, StaleConnection, unreachable } from './http/exchange.ts'
import { refusal } from './http/refusal.ts'
import { noRequestMetrics, type RequestMetrics } from './metrics.ts'
import { RateLimiter } from './rate-limiter.ts'

export interface KubeClientOptions {
  readonly access: ClusterAccess
  readonly userAgent: string
  /** Requests a second in the long run, and at once; 0 or less: no limit (`clientConnection` of the components). */
  readonly qps: number
  readonly burst: number
  readonly metrics?: RequestMetrics
  /** How long the server may be silent before a response's head, and within a body that is no watch. */
  readonly requestTimeoutMs?: number
}

export interface KubeRequest {
  /** GET unless said otherwise. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** `/api/v1/services` */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean>>
  readonly body?: unknown
  /** `application/json` unless said otherwise; a PATCH names its kind of patch here. */
  readonly contentType?: string
  readonly signal?: AbortSignal
}

/** How often a server may ask to come again later (client-go: 10). */
const MAX_RETRIES = 10

/** A page of a list is some MiB. What is longer comes from something that is no API server. */
const MAX_BODY_BYTES = 512 * 1024 * 1024

/** HTTP to one API server: credentials, kept connections, rate limit, metrics, retries that the server asked for. */
export class KubeClient {
  readonly #options: KubeClientOptions
  readonly #metrics: RequestMetrics
  readonly #timeoutMs: number
  readonly #credentials: Credentials
  readonly #connections: Connections
  readonly #limiter: RateLimiter
  readonly #base: string

  constructor(options: KubeClientOptions) {
    this.#options = options
    this.#metrics = options.metrics ?? noRequestMetrics
    this.#timeoutMs = options.requestTimeoutMs ?? 30_000
    this.#credentials = new Credentials(options.access)
    this.#connections = new Connections(options.access, this.#credentials)
    this.#limiter = new RateLimiter(options.qps, options.burst)
    // A server behind a gateway has a path of its own in front of the API's.
    this.#base = options.access.server.href.replace(/\/$/, '')
  }

  /**
   * Sends a request and reads its JSON answer. Waits and repeats it when the server asks for that with Retry-After
   * (429, 503: it was not served). Rejects with a KubeError, or with the signal's reason.
   */
  async json(request: KubeRequest): Promise<unknown> {
    const what = this.#describe(request)
    for (let retries = 0; ; retries++) {
      try {
        const response = await this.#open(request)
        const limits = { limitBytes: MAX_BODY_BYTES, timeoutMs: this.#timeoutMs }
        return parseJson(await readBody(response, what, limits), what)
      } catch (error) {
        const wait = retries < MAX_RETRIES ? askedToWait(error) : undefined
        if (wait === undefined) throw error
        await sleep(wait, undefined, request.signal === undefined ? {} : { signal: request.signal })
      }
    }
  }

  /** Sends a request and leaves the body to the caller, who must read or destroy it. Nothing is repeated. */
  stream(request: KubeRequest): Promise<IncomingMessage> {
    return this.#open(request)
  }

  /** Ends all connections: what is under way fails. */
  close(): void {
    this.#connections.close()
  }

  async #open(request: KubeRequest): Promise<IncomingMessage> {
    let renewed = false
    let stale = 0
    for (;;) {
      await this.#limiter.turn(request.signal)
      const identity = await this.#credentials.identity()
      let response: IncomingMessage
      try {
        response = await this.#send(request, identity)
      } catch (error) {
        // Every kept connection may have been closed: one after the other is found out.
        if (!(error instanceof StaleConnection)) throw error
        if (request.method !== undefined && request.method !== 'GET') throw this.#unserved(request, error)
        if (++stale > MAX_RETRIES) throw this.#unserved(request, error)
        continue
      }
      const status = response.statusCode ?? 0
      if (status < 400) return response
      const refused = await refusal(response, this.#describe(request), this.#timeoutMs)
      if (status !== 401 || renewed || !(await this.#credentials.refused(identity))) throw refused
      renewed = true
    }
  }

  async #send(request: KubeRequest, identity: Identity): Promise<IncomingMessage> {
    const { method = 'GET', body, signal } = request
    const host = this.#options.access.server.host
    const agent = await this.#connections.agent(identity)
    const started = performance.now()
    try {
      const response = await exchange({
        agent,
        method,
        url: this.#url(request),
        headers: this.#headers(request, identity),
        body: body === undefined ? undefined : JSON.stringify(body),
        timeoutMs: this.#timeoutMs,
        signal,
      })
      this.#metrics.requested(method, host, String(response.statusCode))
      this.#metrics.answered(method, host, (performance.now() - started) / 1000)
      return response
    } catch (error) {
      this.#metrics.requested(method, host, '<error>')
      if (!(error instanceof StaleConnection)) this.#credentials.expire()
      throw error
    }
  }

  #url({ path, query = {} }: KubeRequest): URL {
    const url = new URL(this.#base + path)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value))
    return url
  }

  #headers({ body, contentType = 'application/json' }: KubeRequest, identity: Identity): OutgoingHttpHeaders {
    return {
      accept: 'application/json',
      'user-agent': this.#options.userAgent,
      ...(body === undefined ? {} : { 'content-type': contentType }),
      ...(identity.authorization === undefined ? {} : { authorization: identity.authorization }),
      ...Object.fromEntries(Object.entries(identity.impersonation)),
    }
  }

  #describe({ method = 'GET', path }: KubeRequest): string {
    return `${method} ${this.#base}${path}`
  }

  #unserved(request: KubeRequest, error: StaleConnection): KubeError {
    return unreachable(this.#describe(request), error.cause ?? error)
  }
}

const askedToWait = (error: unknown): number | undefined =>
  error instanceof KubeError && (error.status === 429 || error.status === 503)
    ? error.retryAfterMs
    : undefined

function parseJson(body: Buffer, what: string): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw new KubeError(
      'GARBAGE',
      `cannot ${what}: the answer is no JSON: ${errorMessage(error)}`,
      'check what answers at this address',
      { cause: error },
    )
  }
}
