import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { anonymous, type ClusterAccess } from '../../../src/kube/access/cluster-access.ts'
import type { Collection } from '../../../src/kube/collection.ts'

/** Something that the server does wrong, once. */
export type Fault =
  /** Answers a request with this status instead of serving it. */
  | { readonly kind: 'status'; readonly code: number; readonly retryAfter?: number }
  /** Takes a request and never says anything. */
  | { readonly kind: 'silence' }
  /** Breaks the connection in the middle of the next event, or of the list. */
  | { readonly kind: 'cut' }
  /** Sends bytes that are no event in front of the next one, or instead of a list. */
  | { readonly kind: 'garbage' }
  /** Ends the watch in order instead of sending the next event. */
  | { readonly kind: 'end' }
  /** Sends the next event in single bytes, each in a packet of its own where the network lets it. */
  | { readonly kind: 'dribble' }
  /** Says inside the watch that its place is forgotten. */
  | { readonly kind: 'expire' }

interface Stored {
  readonly name: string
  readonly value: number
  readonly resourceVersion: number
}

interface Event extends Stored {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
}

interface Watcher {
  readonly response: ServerResponse
  sent: number
}

export const things: Collection = { path: '/apis/test/v1/things', apiVersion: 'test/v1', kind: 'Thing' }

/**
 * An API server of one collection over real sockets, which serves lists in pages and watches as the real one does, and
 * on demand does what a real one cannot be made to do.
 */
export class ScriptedApi {
  readonly #server: Server
  readonly #objects = new Map<string, Stored>()
  readonly #events: Event[] = []
  readonly #watchers = new Set<Watcher>()
  readonly #faults: Fault[] = []
  #resourceVersion = 1
  /** Events up to here are forgotten. */
  #compacted = 0
  /** Requests as they came: `list`, `continue`, `stream` (a streaming list) or `watch RV`. */
  readonly requests: string[] = []
  streamsLists = true
  pageSize = 3

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response))
  }

  static async start(): Promise<ScriptedApi> {
    const api = new ScriptedApi()
    api.#server.listen(0, '127.0.0.1')
    await once(api.#server, 'listening')
    return api
  }

  get access(): ClusterAccess {
    const { port } = this.#server.address() as AddressInfo
    return {
      name: 'scripted',
      server: new URL(`http://127.0.0.1:${port}`),
      authority: undefined,
      tlsServerName: undefined,
      insecureSkipTlsVerify: false,
      proxy: undefined,
      user: anonymous,
      namespace: 'default',
    }
  }

  get objects(): ReadonlyMap<string, number> {
    return new Map([...this.#objects].map(([name, { value }]) => [name, value]))
  }

  get faultsLeft(): number {
    return this.#faults.length
  }

  get watchers(): number {
    return this.#watchers.size
  }

  /** The next occasions go wrong like this, in order. */
  fail(...faults: readonly Fault[]): void {
    this.#faults.push(...faults)
  }

  set(name: string, value: number): void {
    const type = this.#objects.has(name) ? 'MODIFIED' : 'ADDED'
    const stored = { name, value, resourceVersion: ++this.#resourceVersion }
    this.#objects.set(name, stored)
    this.#record({ ...stored, type })
  }

  delete(name: string): void {
    const stored = this.#objects.get(name)
    if (stored === undefined) return
    this.#objects.delete(name)
    this.#record({ ...stored, type: 'DELETED', resourceVersion: ++this.#resourceVersion })
  }

  /** Tells all watchers where they are. */
  bookmark(): void {
    for (const watcher of this.#watchers) watcher.response.write(bookmark(this.#resourceVersion, false))
  }

  /** Breaks all watches, and forgets what happened so far: they cannot be resumed. */
  compact(): void {
    this.#compacted = this.#resourceVersion
    this.disconnect()
  }

  disconnect(): void {
    for (const { response } of this.#watchers) response.destroy()
    this.#watchers.clear()
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #record(event: Event): void {
    this.#events.push(event)
    for (const watcher of this.#watchers) this.#advance(watcher)
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const query = new URL(request.url ?? '', 'http://x').searchParams
    const watching = query.get('watch') === 'true'
    const from = query.get('resourceVersion')
    this.requests.push(
      watching ? (from === null ? 'stream' : `watch ${from}`) : query.has('continue') ? 'continue' : 'list',
    )
    if (this.#takeFault('silence')) return
    const status = this.#takeFault('status')
    if (status !== undefined) refuse(response, status.code, status.retryAfter)
    else if (!watching) this.#list(query, response)
    else if (from === null && !this.streamsLists) refuse(response, 422)
    else if (from !== null && Number(from) < this.#compacted) refuse(response, 410)
    else this.#watch(from, response)
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const offset = Number(query.get('continue') ?? 0)
    const all = [...this.#objects.values()]
    const limit = Math.min(this.pageSize, Number(query.get('limit')))
    const items = all.slice(offset, offset + limit).map(toObject)
    const more = offset + limit < all.length ? { continue: String(offset + limit) } : {}
    const text = JSON.stringify({
      metadata: { resourceVersion: String(this.#resourceVersion), ...more },
      items,
    })
    if (this.#takeFault('garbage')) response.end(text.slice(0, -1))
    else if (this.#takeFault('cut')) {
      response.writeHead(200, { 'content-length': text.length })
      response.write(text.slice(0, text.length / 2), () => response.destroy())
    } else response.end(text)
  }

  #watch(from: string | null, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    let sent = this.#events.findIndex((event) => event.resourceVersion > Number(from))
    if (sent < 0 || from === null) sent = this.#events.length
    const watcher = { response, sent }
    if (from === null) {
      for (const stored of this.#objects.values())
        if (!this.#send(watcher, JSON.stringify({ type: 'ADDED', object: toObject(stored) }))) return
      response.write(bookmark(this.#resourceVersion, true))
    }
    this.#watchers.add(watcher)
    response.on('close', () => this.#watchers.delete(watcher))
    this.#advance(watcher)
  }

  #advance(watcher: Watcher): void {
    for (;;) {
      const event = this.#events[watcher.sent]
      if (event === undefined) return
      if (!this.#send(watcher, JSON.stringify({ type: event.type, object: toObject(event) }))) return
      watcher.sent++
    }
  }

  /** False when the watch has ended instead. */
  #send(watcher: Watcher, line: string): boolean {
    const { response } = watcher
    const [fault] = this.#faults
    if (fault === undefined || fault.kind === 'status' || fault.kind === 'silence') {
      response.write(`${line}\n`)
      return true
    }
    this.#faults.shift()
    if (fault.kind === 'dribble') {
      for (const byte of Buffer.from(`${line}\n`)) response.write(Buffer.from([byte]))
      return true
    }
    this.#watchers.delete(watcher)
    if (fault.kind === 'garbage') response.end('{"type":"ADDED","obj\xff\n')
    else if (fault.kind === 'cut') response.write(line.slice(0, line.length / 2), () => response.destroy())
    else if (fault.kind === 'end') response.end()
    else
      response.end(
        `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })}\n`,
      )
    return false
  }

  #takeFault<Kind extends Fault['kind']>(kind: Kind): Extract<Fault, { kind: Kind }> | undefined {
    const [fault] = this.#faults
    if (fault?.kind !== kind) return undefined
    this.#faults.shift()
    return fault as Extract<Fault, { kind: Kind }>
  }
}

const toObject = ({ name, value, resourceVersion }: Stored): object => ({
  apiVersion: things.apiVersion,
  kind: things.kind,
  metadata: { name, namespace: 'default', resourceVersion: String(resourceVersion) },
  value,
})

function bookmark(resourceVersion: number, initialEventsEnd: boolean): string {
  const annotations = initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}
  const metadata = { resourceVersion: String(resourceVersion), ...annotations }
  return `${JSON.stringify({ type: 'BOOKMARK', object: { kind: things.kind, metadata } })}\n`
}

function refuse(response: ServerResponse, code: number, retryAfter?: number): void {
  if (retryAfter !== undefined) response.setHeader('retry-after', String(retryAfter))
  response.statusCode = code
  response.end(JSON.stringify({ kind: 'Status', code, reason: 'Scripted', message: 'as the test wants it' }))
}
