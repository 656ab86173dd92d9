/** Generic netlink's controller: which families the kernel has. */
import type { SocketStats } from './addon.ts'
import { NetlinkChannel, type SocketOptions } from './channel.ts'
import { ProgramReader, ProgramWriter } from './program.ts'
import { readAll } from './read-all.ts'

export { NetlinkError } from './errors.ts'

/** A generic netlink family (CTRL_CMD_NEWFAMILY of linux/genetlink.h). */
export interface GenericFamily {
  /** The message type of its requests; given out anew at every boot. */
  readonly id: number
  readonly name: string
  readonly version: number
}

/** Method numbers; `GenericSession` of native/genetlink/generic_session.h has the same. */
const METHODS = { families: 1, resolve: 2 } as const

/** A NETLINK_GENERIC socket with its own thread. All methods reject with a NetlinkError. */
export class GenericSocket {
  readonly #channel: NetlinkChannel

  private constructor(channel: NetlinkChannel) {
    this.#channel = channel
  }

  static async open(options: SocketOptions = {}): Promise<GenericSocket> {
    return new GenericSocket(await NetlinkChannel.open('generic', options))
  }

  async families(): Promise<GenericFamily[]> {
    const reply = await this.#channel.request(METHODS.families, [], () => 'list generic netlink families')
    return readAll(reply, readFamily)
  }

  /** A family by name; the kernel loads its module where it can. ENOENT when there is none. */
  async resolve(name: string): Promise<GenericFamily> {
    const program = new ProgramWriter().string(name)
    const what = `resolve generic netlink family ${name}`
    return readFamily(
      new ProgramReader(await this.#channel.request(METHODS.resolve, [program.view()], () => what)),
    )
  }

  stats(): SocketStats {
    return this.#channel.stats()
  }

  /** Idempotent; requests under way are finished first. */
  close(): Promise<void> {
    return this.#channel.close()
  }
}

const readFamily = (reader: ProgramReader): GenericFamily => ({
  id: reader.u16(),
  name: reader.string(),
  version: reader.u32(),
})
