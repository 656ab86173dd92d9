import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP relay in front of a server that a test can break in the ways in which networks break. */
export class BreakableLink {
  readonly #targetPort: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #severed = false
  #corrupting = false

  private constructor(targetPort: number) {
    this.#targetPort = targetPort
    this.#server = createServer((socket) => this.#relay(socket))
  }

  static async to(targetPort: number): Promise<BreakableLink> {
    const link = new BreakableLink(targetPort)
    await new Promise<void>((resolve) => link.#server.listen(0, '127.0.0.1', resolve))
    return link
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Connections end, and new ones are refused until it is mended. */
  sever(): void {
    this.#severed = true
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Nothing passes on the connections there are, and nobody is told: a partition as both ends see it. */
  freeze(): void {
    for (const socket of this.#sockets) socket.pause()
  }

  /** The next bytes that pass are not as they were sent. */
  corrupt(): void {
    this.#corrupting = true
  }

  mend(): void {
    this.#severed = false
  }

  async close(): Promise<void> {
    this.sever()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #relay(socket: Socket): void {
    if (this.#severed) {
      socket.destroy()
      return
    }
    const target = connect(this.#targetPort, '127.0.0.1')
    this.#join(socket, target)
    this.#join(target, socket)
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from)
    from.on('data', (chunk: Buffer) => {
      if (this.#corrupting) chunk[chunk.length >> 1] = (chunk[chunk.length >> 1] ?? 0) ^ 0x55
      this.#corrupting = false
      to.write(chunk)
    })
    from.on('error', () => from.destroy())
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
  }
}
