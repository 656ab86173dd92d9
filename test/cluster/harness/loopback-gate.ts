import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

/** What a gate leads to, as seen from inside of the namespace. */
export interface GateTarget {
  /** Loopback when absent. */
  readonly address?: string
  /** The same as outside when absent. */
  readonly port?: number
  /** The port outside, where that one is free; any free one otherwise. */
  readonly wanted?: number
}

/**
 * Serves the sockets that it is handed, from inside of the namespace: a socket stays in the namespace of its birth, so
 * that it accepts outside and connects within. It ends with whoever handed them over.
 */
const RELAY = `
  const { connect } = require('node:net')
  process.on('message', ({ address, port }, server) => {
    server.allowHalfOpen = true
    server.on('connection', (outer) => {
      const inner = connect({ host: address, port, allowHalfOpen: true })
      for (const [from, to] of [[outer, inner], [inner, outer]]) {
        from.setNoDelay(true)
        from.pipe(to)
        from.on('error', () => to.destroy())
        from.on('close', () => { if (!from.readableEnded) to.destroy() })
      }
    })
    process.send('taken')
  })
  process.on('disconnect', () => process.exit())`

/** Ports on loopback that lead into a network namespace: nothing else of this machine's network has to know of it. */
export class LoopbackGate {
  /** The ports outside, in the order of the targets. */
  readonly ports: readonly number[]
  readonly #close: () => Promise<void>

  private constructor(ports: readonly number[], close: () => Promise<void>) {
    this.ports = ports
    this.#close = close
  }

  /** Opens one port a target. Whether anybody listens within shows when somebody connects. */
  static async open(netns: string, targets: readonly GateTarget[]): Promise<LoopbackGate> {
    const relay = spawn('nsenter', [`--net=${netns}`, process.execPath, '-e', RELAY], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // A session of its own: whoever has the terminal ends it by closing the gate, behind all that still needs it.
      detached: true,
    })
    const ended = once(relay, 'exit')
    const failed = ended.then(([status]) => {
      throw new Error(`nobody could relay into ${netns}: exit status ${status}`)
    })
    failed.catch(() => undefined)
    const ports: number[] = []
    for (const { address = '127.0.0.1', port, wanted = 0 } of targets) {
      const server = await listen(wanted).catch(() => listen(0))
      const outside = portOf(server)
      relay.send({ address, port: port ?? outside }, server)
      await Promise.race([once(relay, 'message'), failed])
      await new Promise((resolve) => server.close(resolve))
      ports.push(outside)
    }
    return new LoopbackGate(ports, async () => {
      relay.kill('SIGKILL')
      await ended
    })
  }

  close(): Promise<void> {
    return this.#close()
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port')
  return address.port
}
