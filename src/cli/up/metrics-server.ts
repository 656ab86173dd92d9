import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type BindAddress, formatBindAddress } from '../../config/bind-address.ts'
import type { Registry } from '../../metrics/registry.ts'
import { scrape } from '../../metrics/rendered.ts'
import { CommandError } from '../command-error.ts'

/** What /healthz says: nothing wrong, or what is. */
export type Health = () => { readonly healthy: boolean; readonly reason: string }

export interface MetricsServer {
  /** With the port that the kernel chose, when 0 was asked for. */
  readonly url: string
  close(): Promise<void>
}

/** Serves /metrics and /healthz. Throws a CommandError `METRICS_ADDRESS` when the address cannot be had. */
export async function serveMetrics(
  bind: BindAddress,
  registry: Registry,
  health: Health,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const path = request.url?.replace(/\?.*$/, '')
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
    } else if (path === '/metrics') {
      scrape(registry).then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        (error: unknown) =>
          response.writeHead(500).end(`${error instanceof Error ? error.message : error}\n`),
      )
    } else if (path === '/healthz') {
      const { healthy, reason } = health()
      response.writeHead(healthy ? 200 : 503, { 'content-type': 'text/plain' }).end(`${reason}\n`)
    } else {
      response.writeHead(404).end()
    }
  })
  await listen(server, bind)
  const at = server.address()
  const port = typeof at === 'object' && at !== null ? at.port : bind.port
  return {
    url: `http://${formatBindAddress({ ...bind, port })}/metrics`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function listen(server: Server, bind: BindAddress): Promise<void> {
  try {
    server.listen(bind.port, bind.address)
    await once(server, 'listening')
  } catch (error) {
    throw new CommandError(
      'METRICS_ADDRESS',
      `metrics cannot be served at ${formatBindAddress(bind)}: ${error instanceof Error ? error.message : error}`,
      { remedy: 'choose another with --metrics-bind-address', cause: error },
    )
  }
}
