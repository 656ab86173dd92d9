import { loadAddon, type NativeSocket, type SocketStats } from './addon.ts'
import { toNetlinkError } from './errors.ts'

export interface SocketOptions {
  /** Path of a network namespace (/var/run/netns/NAME, /proc/PID/ns/net); the process's own when absent. */
  readonly netns?: string
}

const OPEN = 0

/** One native thread with one netlink socket of a family; what family sockets are made of. */
export class NetlinkChannel {
  readonly #socket: NativeSocket

  private constructor(socket: NativeSocket) {
    this.#socket = socket
  }

  /** Rejects with a NetlinkError when the namespace cannot be entered or the kernel lacks the family. */
  static async open(family: string, options: SocketOptions = {}): Promise<NetlinkChannel> {
    const { Socket } = loadAddon()
    const channel = new NetlinkChannel(new Socket(family, options.netns))
    const where = options.netns === undefined ? '' : ` in ${options.netns}`
    try {
      await channel.request(OPEN, [], () => `open a ${family} socket${where}`)
    } catch (error) {
      await channel.close()
      throw error
    }
    return channel
  }

  /**
   * Runs one native method. The buffers must not be touched until the promise settles. `describe` names an operation
   * of the request by its index (-1: the whole) for errors. Rejects with a NetlinkError.
   */
  async request(
    method: number,
    buffers: readonly Uint8Array[],
    describe: (op: number) => string,
  ): Promise<Uint8Array> {
    try {
      return await this.#socket.request(method, buffers)
    } catch (thrown) {
      throw toNetlinkError(thrown, describe)
    }
  }

  /** Copies numbers that the native side keeps, those of `block`, without waiting for its thread; returns how many. */
  read(block: number, into: Float64Array): number {
    return this.#socket.read(block, into)
  }

  stats(): SocketStats {
    return this.#socket.stats()
  }

  /** Ends the thread behind the requests under way. Idempotent. */
  close(): Promise<void> {
    return this.#socket.close()
  }
}
