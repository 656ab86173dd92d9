import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../../util/logger.ts'
import { accessOf } from './auth/access.ts'
import type { Authenticator } from './auth/authenticator.ts'
import type { Authorizer } from './auth/authorizer.ts'
import type { ServerMetrics } from './metrics.ts'
import type { Page, Pages } from './page.ts'
import type { PodAccess } from './pod-access.ts'
import { type PodObjects, podList, runningPods } from './pod-lists.ts'
import { refusalOf } from './refusal.ts'
import { RequestError } from './request-error.ts'
import { isSession, type Route, routeOf, splitPath } from './route.ts'
import { sendLog } from './send-log.ts'
import { openSession } from './sessions.ts'
import { proxyUpgrade, refuseUpgrade } from './upgrade.ts'

export interface KubeletApiOptions {
  readonly authenticator: Pick<Authenticator, 'user'>
  readonly authorizer: Pick<Authorizer, 'demand'>
  readonly pods: PodAccess
  readonly objects: PodObjects
  readonly pages: Pages
  readonly metrics: ServerMetrics
  readonly log: Logger
}

/** A request of somebody who may send it. */
interface Admitted {
  readonly route: Route
  readonly query: URLSearchParams
}

/** How long a command of `/run` may take, in ms. */
const RUN_MS = 120_000

/** Answers requests to the node. Nothing of a request is done before its sender is known and allowed to. */
export class KubeletApi {
  readonly #options: KubeletApiOptions

  constructor(options: KubeletApiOptions) {
    this.#options = options
  }

  /** Answers an ordinary request. Never rejects. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.once('close', this.#options.metrics.begin(request.method, pathOf(request)))
    try {
      await this.#serve(await this.#admit(request), response)
    } catch (error) {
      const { status, message } = refusalOf(error, describe(request), this.#options.log)
      if (response.headersSent) response.destroy()
      else send(response, { type: 'text/plain; charset=utf-8', body: `${message}\n` }, status)
    }
  }

  /** Answers one that asks for another protocol; its connection is nobody else's from then on. Never rejects. */
  async upgrade(request: IncomingMessage, head: Buffer): Promise<void> {
    const { metrics, pods, log } = this.#options
    const { socket } = request
    socket.once('close', metrics.begin(request.method, pathOf(request)))
    // One that breaks before anybody else listens.
    socket.on('error', () => socket.destroy())
    try {
      const { route, query } = await this.#admit(request)
      if (!isSession(route)) throw new RequestError('BAD_REQUEST', 'there is no other protocol at this path')
      const target = await openSession(pods, route, query)
      const closed = metrics.open(route.kind)
      await proxyUpgrade({ request, head }, target).finally(closed)
    } catch (error) {
      const { status, message } = refusalOf(error, describe(request), log)
      refuseUpgrade(socket, status, `${message}\n`)
    }
  }

  async #admit(request: IncomingMessage): Promise<Admitted> {
    const { authenticator, authorizer } = this.#options
    const { method = '' } = request
    const url = urlOf(request)
    const path = url && splitPath(url.pathname)
    const user = await authenticator.user(request)
    if (user === undefined) throw new RequestError('UNAUTHENTICATED', 'Unauthorized')
    if (url === undefined || path === undefined)
      throw new RequestError('BAD_REQUEST', 'the path cannot be read')
    const route = routeOf(path)
    await authorizer.demand(user, accessOf(method, path, route))
    if (!methodsOf(route).includes(method))
      throw new RequestError('METHOD_NOT_ALLOWED', `${method} is nothing that can be done at this path`)
    return { route, query: url.searchParams }
  }

  async #serve({ route, query }: Admitted, response: ServerResponse): Promise<void> {
    const { pods, objects, pages, metrics } = this.#options
    switch (route.kind) {
      case 'containerLogs':
        response.once('close', metrics.open(route.kind))
        return sendLog(pods, route.at, query, response)
      case 'pods':
        return send(response, podList(objects))
      case 'runningpods':
        return send(response, runningPods(pods.known))
      case 'run': {
        const body = await pods.run(route.at, (query.get('cmd') ?? '').split(' '), RUN_MS)
        return send(response, { type: 'text/plain', body })
      }
      case 'page': {
        const page = pages.get(route.path)
        if (page === undefined) throw new RequestError('NOT_FOUND', '404 page not found')
        return send(response, await page())
      }
      default:
        throw new RequestError('BAD_REQUEST', 'Upgrade request required')
    }
  }
}

function methodsOf(route: Route): readonly string[] {
  if (route.kind === 'run') return ['POST']
  return isSession(route) ? ['GET', 'POST'] : ['GET', 'HEAD']
}

function send(response: ServerResponse, { type, body }: Page, status = 200): void {
  const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body) }
  response.writeHead(status, { ...headers, 'x-content-type-options': 'nosniff' }).end(body)
}

/** Without its query: command lines are in it, and passwords in these. */
const describe = ({ method, url = '' }: IncomingMessage): string => `${method} ${url.split('?')[0]}`

/** With what a browser makes of dots in it: `/stats/../exec` is `/exec` to everybody here. */
const urlOf = ({ url = '/' }: IncomingMessage): URL | undefined =>
  URL.canParse(url, 'https://node') ? new URL(url, 'https://node') : undefined

function pathOf(request: IncomingMessage): readonly string[] {
  const url = urlOf(request)
  return (url && splitPath(url.pathname)) ?? []
}
