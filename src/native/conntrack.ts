/** Connection tracking: the typed door to the kernel's table of flows. */
import type { IpFamily } from '../util/address.ts'
import type { SocketStats } from './addon.ts'
import { NetlinkChannel, type SocketOptions } from './channel.ts'
import { ConntrackEntries } from './conntrack-entries.ts'
import { type ConntrackFilter, writeFilter } from './conntrack-filter.ts'
import type { StaleFlows } from './conntrack-stale.ts'
import { type ConntrackStatistics, readStatistics } from './conntrack-statistics.ts'
import { familyNumber } from './packed-address.ts'
import { ProgramReader, ProgramWriter } from './program.ts'

export { ConntrackEntries, type ConntrackEntry, type ConntrackTuple } from './conntrack-entries.ts'
export {
  CONNTRACK_PROTOCOLS,
  type ConntrackFilter,
  type ConntrackProtocol,
  STATUS_DST_NAT,
  type TupleFilter,
} from './conntrack-filter.ts'
export { StaleFlows, type StaleFrontend } from './conntrack-stale.ts'
export type { ConntrackCounters, ConntrackStatistics } from './conntrack-statistics.ts'
export { NetlinkError, type OperationFailure } from './errors.ts'

/** Method numbers; `ConntrackSession` of native/conntrack/conntrack_session.h has the same. */
const METHODS = {
  dump: 1,
  removeMatching: 2,
  removeEntries: 3,
  count: 4,
  removeStale: 5,
  removeFiltered: 6,
  statistics: 7,
  dumpSome: 8,
} as const

/** Bytes of the count behind the records of `dumpSome`. */
const U32 = 4

export interface SomeEntries {
  readonly entries: ConntrackEntries
  /** Entries that match, listed or not. */
  readonly matched: number
}

/** `kUncounted` of the same header. */
const UNCOUNTED = 0xffff_ffff

/** A NETLINK_NETFILTER socket for connection tracking with its own thread. All methods reject with a NetlinkError. */
export class ConntrackSocket {
  readonly #channel: NetlinkChannel

  private constructor(channel: NetlinkChannel) {
    this.#channel = channel
  }

  static async open(options: SocketOptions = {}): Promise<ConntrackSocket> {
    return new ConntrackSocket(await NetlinkChannel.open('conntrack', options))
  }

  /** The whole table, of one family or of both: about a microsecond an entry. */
  list(family?: IpFamily): Promise<ConntrackEntries> {
    return this.#dump(family, [])
  }

  /**
   * The entries that match any of the filters, none when there are none. One filter is the kernel's to apply, where it can;
   * several take one pass over the whole table.
   */
  async find(filters: readonly ConntrackFilter[]): Promise<ConntrackEntries> {
    const families = new Set(filters.map((filter) => filter.family))
    if (families.size === 0) return new ConntrackEntries(new Uint8Array(0))
    const [family] = families
    return this.#dump(families.size === 1 ? family : undefined, filters)
  }

  /**
   * The first `limit` of what `find` gives, and how many there are in all, in memory for those alone: the whole table is
   * walked, and what is more than asked for is only counted.
   */
  async findSome(filters: readonly ConntrackFilter[], limit: number): Promise<SomeEntries> {
    const families = new Set(filters.map((filter) => filter.family))
    if (families.size === 0) return { entries: new ConntrackEntries(new Uint8Array(0)), matched: 0 }
    const [family] = families
    const program = new ProgramWriter().u32(limit).u8(familyNumber(families.size === 1 ? family : undefined))
    for (const filter of filters) writeFilter(program, filter)
    const reply = await this.#channel.request(METHODS.dumpSome, [program.view()], () => 'list connections')
    const records = reply.length - U32
    return {
      entries: new ConntrackEntries(reply.subarray(0, records)),
      matched: new ProgramReader(reply.subarray(records)).u32(),
    }
  }

  /**
   * Deletes the entries that match any of the filters and returns how many that were. Every filter must name something
   * beside the family (ERR_NATIVE_PROGRAM): what names nothing would delete every connection of the node.
   */
  async delete(filters: readonly ConntrackFilter[]): Promise<number> {
    if (filters.length === 0) return 0
    const program = new ProgramWriter()
    for (const filter of filters) writeFilter(program, filter)
    return this.#number(
      METHODS.removeMatching,
      program.view(),
      `delete connections by ${filters.length} filters`,
    )
  }

  /** Deletes exactly these entries and returns how many were still there. */
  async deleteEntries(entries: ConntrackEntries): Promise<number> {
    if (entries.length === 0) return 0
    return this.#number(METHODS.removeEntries, entries.records, `delete ${entries.length} connections`)
  }

  /**
   * Deletes the flows that lead to something gone, in one pass over the kernel's table whatever their number, and
   * returns how many that were.
   */
  async deleteStale(stale: StaleFlows): Promise<number> {
    if (stale.isEmpty) return 0
    const reply = await this.#channel.request(METHODS.removeStale, stale.buffers(), () => stale.describe())
    return new ProgramReader(reply).u32()
  }

  /**
   * Deletes what one filter matches inside the kernel where that can (Linux 6.10 and later), which then does not say how
   * many: undefined. Others list and delete, and the number is returned. The filter must name something of the original
   * tuple.
   */
  async deleteFiltered(filter: ConntrackFilter): Promise<number | undefined> {
    const program = new ProgramWriter()
    writeFilter(program, filter)
    const what = 'delete connections by a filter'
    const removed = await this.#number(METHODS.removeFiltered, program.view(), what)
    return removed === UNCOUNTED ? undefined : removed
  }

  /** Entries in the table, of both families. */
  count(): Promise<number> {
    return this.#number(METHODS.count, new Uint8Array(0), 'count connections')
  }

  /** How full the table is, and what the kernel counted, by processor. */
  async statistics(): Promise<ConntrackStatistics> {
    const what = 'read connection tracking statistics'
    return readStatistics(await this.#channel.request(METHODS.statistics, [], () => what))
  }

  stats(): SocketStats {
    return this.#channel.stats()
  }

  /** Idempotent; requests under way are finished first. */
  close(): Promise<void> {
    return this.#channel.close()
  }

  async #dump(family: IpFamily | undefined, filters: readonly ConntrackFilter[]): Promise<ConntrackEntries> {
    const program = new ProgramWriter().u8(familyNumber(family))
    for (const filter of filters) writeFilter(program, filter)
    return new ConntrackEntries(
      await this.#channel.request(METHODS.dump, [program.view()], () => 'list connections'),
    )
  }

  async #number(method: number, buffer: Uint8Array, what: string): Promise<number> {
    return new ProgramReader(await this.#channel.request(method, [buffer], () => what)).u32()
  }
}
