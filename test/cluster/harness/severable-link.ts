import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP relay in front of a server that a test can sever: connections go, and new ones are refused until it is mended. */
export class SeverableLink {
  readonly #targetPort: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #severed = false

  private constructor(targetPort: number) {
    this.#targetPort = targetPort
    this.#server = createServer((socket) => this.#relay(socket))
  }

  static async to(targetPort: number): Promise<SeverableLink> {
    const link = new SeverableLink(targetPort)
    await new Promise<void>((resolve) => link.#server.listen(0, '127.0.0.1', resolve))
    return link
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  sever(): void {
    this.#severed = true
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Nothing passes any more, and nobody is told: what a partition looks like from both ends. */
  freeze(): void {
    for (const socket of this.#sockets) socket.pause()
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
    from.on('data', (chunk) => to.write(chunk))
    from.on('error', () => from.destroy())
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
  }
}
