import { once } from 'node:events'
import { chmod, unlink } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type BindAddress, formatBindAddress } from '../../config/bind-address.ts'
import { errorMessage } from '../../util/error-message.ts'
import { CommandError } from '../command-error.ts'

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** Answers a GET of one path. A rejection becomes a 500 with its message. */
export type Route = (query: URLSearchParams) => Promise<Answer> | Answer

export interface HttpServer {
  /** With the port that the kernel chose, when 0 was asked for; the path of a socket. */
  readonly address: string
  close(): Promise<void>
}

export const text = (body: string, status = 200): Answer => ({
  status,
  type: 'text/plain',
  body: `${body}\n`,
})

export const json = (value: unknown, status = 200): Answer => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(value)}\n`,
})

/** Serves paths at an address. `flag` is named to a user whose address cannot be had: CommandError `ADDRESS_UNUSABLE`. */
export async function serveAt(
  bind: BindAddress,
  flag: string,
  routes: ReadonlyMap<string, Route>,
): Promise<HttpServer> {
  const server = createServer(answerFrom(routes))
  await listening(server, formatBindAddress(bind), flag, () => server.listen(bind.port, bind.address))
  const at = server.address()
  const port = typeof at === 'object' && at !== null ? at.port : bind.port
  return { address: formatBindAddress({ ...bind, port }), close: () => close(server) }
}

/**
 * Serves paths at a unix socket that only its owner may open. The folder must be this process's alone: what a
 * predecessor left there goes.
 */
export async function serveSocket(path: string, routes: ReadonlyMap<string, Route>): Promise<HttpServer> {
  const server = createServer(answerFrom(routes))
  await unlink(path).catch(() => undefined)
  await listening(server, path, '--state-dir', () => {
    // The socket is made within this call: nobody else can open it for a moment either.
    const before = process.umask(0o177)
    try {
      server.listen(path)
    } finally {
      process.umask(before)
    }
  })
  await chmod(path, 0o600)
  return { address: path, close: () => close(server) }
}

const answerFrom =
  (routes: ReadonlyMap<string, Route>): Parameters<typeof createServer>[1] =>
  (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const route = routes.get(url.pathname)
    const send = ({ status, type, body }: Answer): void => {
      response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' }).end(body)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD')
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
    else if (route === undefined) send(text('there is nothing at this path', 404))
    else
      Promise.resolve(url.searchParams)
        .then(route)
        .then(send, (error: unknown) => send(text(errorMessage(error), 500)))
  }

async function listening(server: Server, where: string, flag: string, listen: () => void): Promise<void> {
  try {
    const ready = once(server, 'listening')
    listen()
    await ready
  } catch (error) {
    throw new CommandError('ADDRESS_UNUSABLE', `cannot listen at ${where}: ${errorMessage(error)}`, {
      remedy: `choose another with ${flag}`,
      cause: error,
    })
  }
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}
