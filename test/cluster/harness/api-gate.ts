import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, Server, type Socket } from 'node:net'

/**
 * Opens the listening socket inside the namespace, hands it over, and ends: a socket stays in the namespace of its birth.
 * Its own end is closed at once, or it would accept connections that nobody serves.
 */
const LISTENER = `
  const server = require('node:net').createServer()
  server.listen(Number(process.argv[1]), '127.0.0.1', () => {
    process.send('listening', server, () => process.exit())
  })`

/**
 * Lets programs in a network namespace of its own reach a server that listens on loopback outside of it, at the same
 * address and port, so that kubeconfig and certificate are right on both sides.
 */
export class ApiGate {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, port: number) {
    this.#server = server
    server.on('connection', (socket) => {
      const target = connect(port, '127.0.0.1')
      for (const end of [socket, target]) {
        this.#sockets.add(end)
        end.setNoDelay(true)
        end.once('close', () => this.#sockets.delete(end))
      }
      socket.pipe(target)
      target.pipe(socket)
      socket.on('error', () => target.destroy())
      target.on('error', () => socket.destroy())
    })
  }

  static async open(netns: string, port: number): Promise<ApiGate> {
    const command = [`--net=${netns}`, process.execPath, '-e', LISTENER, String(port)]
    const child = spawn('nsenter', command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const ended = once(child, 'exit').then(([status]) => {
      throw new Error(`nobody could listen on port ${port} in ${netns}: exit status ${status}`)
    })
    const handed = new Promise<unknown>((resolve) => child.once('message', (_, server) => resolve(server)))
    const server = await Promise.race([handed, ended])
    ended.catch(() => undefined)
    if (!(server instanceof Server)) throw new Error(`${netns} handed over no socket`)
    return new ApiGate(server, port)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
