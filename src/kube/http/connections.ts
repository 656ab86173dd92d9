import { type AgentOptions, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import type { ClusterAccess } from '../access/cluster-access.ts'
import type { Credentials, Identity } from '../credentials/credentials.ts'
import { openTunnel } from './tunnel.ts'

/** Unused connections end before the usual balancer in front of an API server forgets them. */
const IDLE_MS = 30_000

/** TCP looks after a silent connection: a watch can be silent for minutes. */
const KEEP_ALIVE_MS = 15_000

/** The kept connections to one server with one certificate. */
export class Connections {
  readonly #access: ClusterAccess
  readonly #credentials: Credentials
  #current:
    | { agent: HttpAgent; ca: Buffer | undefined; cert: Buffer | undefined; key: Buffer | undefined }
    | undefined

  constructor(access: ClusterAccess, credentials: Credentials) {
    this.#access = access
    this.#credentials = credentials
  }

  /**
   * The agent to make a request with. After a rotation of the certificate or the authority it is another one, and the
   * connections of the former end, so that nothing speaks on with what may have been withdrawn.
   */
  async agent(identity: Identity): Promise<HttpAgent> {
    const ca = await this.#credentials.authority()
    const { cert, key } = identity
    const current = this.#current
    if (current !== undefined && current.ca === ca && current.cert === cert && current.key === key)
      return current.agent
    const agent = this.#create(ca, cert, key)
    this.#current = { agent, ca, cert, key }
    current?.agent.destroy()
    return agent
  }

  close(): void {
    this.#current?.agent.destroy()
    this.#current = undefined
  }

  #create(ca: Buffer | undefined, cert: Buffer | undefined, key: Buffer | undefined): HttpAgent {
    const { server, proxy, tlsServerName, insecureSkipTlsVerify } = this.#access
    const keep: AgentOptions = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, timeout: IDLE_MS }
    if (server.protocol === 'http:') {
      const agent = new HttpAgent(keep)
      if (proxy !== undefined) tunnelThrough(agent, proxy, server, async (socket) => socket)
      return agent
    }
    const host = hostOf(server)
    const servername = tlsServerName ?? (isIP(host) === 0 ? host : '')
    const tls = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
      rejectUnauthorized: !insecureSkipTlsVerify,
      servername,
    }
    const agent = new HttpsAgent({ ...keep, ...tls })
    if (proxy !== undefined) {
      // Without a server name, Node checks the certificate against `host`.
      tunnelThrough(agent, proxy, server, (socket) => secured(tlsConnect({ socket, host, ...tls })))
    }
    return agent
  }
}

export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '')

function secured(socket: ReturnType<typeof tlsConnect>): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

type CreateConnection = (
  options: unknown,
  done: (error: Error | null, socket?: Socket) => void,
) => Socket | undefined

/** Node's agents take a `createConnection` that calls back later (http.Agent, since v10); the types do not know it. */
function tunnelThrough(
  agent: HttpAgent,
  proxy: URL,
  server: URL,
  finish: (socket: Socket) => Promise<Socket>,
): void {
  const port = Number(server.port) || (server.protocol === 'http:' ? 80 : 443)
  const createConnection: CreateConnection = (_options, done) => {
    openTunnel(proxy, hostOf(server), port)
      .then(finish)
      .then(
        (socket) => done(null, socket),
        (error: Error) => done(error),
      )
    return undefined
  }
  Object.assign(agent, { createConnection })
}
