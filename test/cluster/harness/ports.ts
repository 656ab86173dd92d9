import { randomInt } from 'node:crypto'
import { createServer, type Server } from 'node:net'

/**
 * Below those that the kernel gives to connections (net.ipv4.ip_local_port_range, from 32,768): none of these takes a port
 * between the look at it and the start of the program that it is meant for.
 */
const RANGE = { first: 10_000, end: 30_000 } as const

/** Ports of 127.0.0.1 that nobody listens on now. They are all held until the last is known, so that none repeats. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const held = new Map<number, Server>()
  while (held.size < count) {
    const port = randomInt(RANGE.first, RANGE.end)
    const server = await listen(port)
    if (server !== undefined) held.set(port, server)
  }
  await Promise.all([...held.values()].map((server) => new Promise((resolve) => server.close(resolve))))
  return [...held.keys()]
}

/** Nothing where somebody listens already. */
function listen(port: number): Promise<Server | undefined> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    )
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
