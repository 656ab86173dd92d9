/** nf_tables notifications: the typed door. Says that somebody else changed a table, and leaves what to do to its caller. */
import type { SocketStats } from './addon.ts'
import { NetlinkChannel, type SocketOptions } from './channel.ts'
import { NetlinkError } from './errors.ts'
import { FAMILY_NUMBERS, type NftFamily } from './nft-objects.ts'
import { ProgramReader, ProgramWriter } from './program.ts'

export interface WatchedTable {
  readonly family: NftFamily
  readonly name: string
}

export interface NftMonitorOptions extends SocketOptions {
  /** Tables to hear about. */
  readonly tables: readonly WatchedTable[]
}

/** Who changed a table. */
export interface ForeignChange extends WatchedTable {
  /** Netlink port id of the socket that did it. */
  readonly portId: number
  /** Thread and program as the kernel's first process namespace knows them; 0 and empty when it does not say. */
  readonly threadId: number
  readonly program: string
}

export interface ForeignChanges {
  /** The kernel dropped notifications: anything may have changed. */
  readonly lost: boolean
  readonly changes: readonly ForeignChange[]
}

/** `MonitorSession::wait` of native/nftables/monitor_session.h. */
const WAIT = 1

/** A socket in the multicast group of nf_tables, with its own thread. Keeps the event loop alive while it is asked. */
export class NftMonitor {
  readonly #channel: NetlinkChannel
  readonly #program: Uint8Array

  private constructor(channel: NetlinkChannel, program: Uint8Array) {
    this.#channel = channel
    this.#program = program
  }

  /** From here on nothing is missed. What sockets of this process change is not reported. Rejects with a NetlinkError without CAP_NET_ADMIN or nf_tables. */
  static async open(options: NftMonitorOptions): Promise<NftMonitor> {
    const program = new ProgramWriter().u32(options.tables.length)
    for (const { family, name } of options.tables) program.u8(FAMILY_NUMBERS[family]).string(name)
    return new NftMonitor(await NetlinkChannel.open('nft-monitor', options), program.view())
  }

  /**
   * Resolves when somebody else has changed a watched table since the last call, with all that happened meanwhile;
   * undefined once the monitor is closed. Rejects with a NetlinkError when the socket fails.
   */
  async next(): Promise<ForeignChanges | undefined> {
    try {
      const reply = await this.#channel.request(WAIT, [this.#program], () => 'listen to nf_tables')
      return readChanges(new ProgramReader(reply))
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'ERR_SOCKET_CLOSED') return undefined
      throw error
    }
  }

  stats(): SocketStats {
    return this.#channel.stats()
  }

  /** Ends a wait under way. Idempotent. */
  close(): Promise<void> {
    return this.#channel.close()
  }
}

function readChanges(reader: ProgramReader): ForeignChanges {
  const lost = reader.u8() === 1
  // The generation: two reports never share one, and nobody asks for it.
  reader.u32()
  const changes = reader.list(() => ({
    family: familyOf(reader.u8()),
    name: reader.string(),
    portId: reader.u32(),
    threadId: reader.u32(),
    program: reader.string(),
  }))
  return { lost, changes }
}

/** Only families that can be watched are reported. */
function familyOf(number: number): NftFamily {
  if (number === FAMILY_NUMBERS.ip) return 'ip'
  return number === FAMILY_NUMBERS.ip6 ? 'ip6' : 'inet'
}
