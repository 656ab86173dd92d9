/** Connection tracking events: flows of Services counted by a native thread; JavaScript reads the counters. */
import type { SocketStats } from './addon.ts'
import { NetlinkChannel, type SocketOptions } from './channel.ts'
import type { ConntrackTable } from './conntrack-table.ts'
import { ProgramWriter } from './program.ts'

export { ConntrackTable, type FlowEndpoint, type FlowFrontend } from './conntrack-table.ts'
export { NetlinkError } from './errors.ts'

/** Method numbers; `EventsSession` of native/conntrack/events_session.h has the same. */
const METHODS = { start: 1, setTable: 2, resync: 3 } as const

/** `Block` of native/conntrack/flow_counters.h. */
const BLOCKS = { engine: 0, frontends: 1, endpoints: 2, lifetimes: 3, retired: 4 } as const

/** Numbers in a row of `readFrontends`, `readEndpoints` and `readLifetimes`. */
export const FLOW_ROW_WIDTH = 8

/** What stands where in a row of a frontend or an endpoint; `FlowColumn` of native/conntrack/flow_counters.h. */
export const FLOW_COLUMNS = {
  opened: 0,
  closed: 1,
  active: 2,
  /** Closed without a single reply. */
  unreplied: 3,
  /** Of closed flows, where net.netfilter.nf_conntrack_acct is on; from clients to endpoints. */
  originalBytes: 4,
  replyBytes: 5,
  originalPackets: 6,
  replyPackets: 7,
} as const

/**
 * Upper bounds in seconds of the life times that a row of `readLifetimes` counts closed flows by; its last number has
 * none. Where net.netfilter.nf_conntrack_timestamp is on.
 */
export const LIFETIME_BOUNDS_SECONDS = [0.01, 0.1, 1, 10, 60, 600, 3600] as const

/** `EngineColumn` of native/conntrack/flow_counters.h. */
const ENGINE_COLUMNS = [
  'openEvents',
  'closeEvents',
  'foreignEvents',
  'malformedEvents',
  'droppedEvents',
  'readerNanoseconds',
  'drains',
  'resyncs',
  'resyncEntries',
  'bufferBytes',
  'requestedCloseEvents',
  'countedInKernel',
] as const

/**
 * Totals since the start. `foreignEvents` are of no frontend in the table; `droppedEvents` is exact: so many events
 * the kernel could not deliver. `readerNanoseconds` is processor time of the reading thread; `resyncEntries` are the flows
 * of Services that the last resync found; `requestedCloseEvents` are of flows that some process deleted.
 * `engine` says who counts now: an eBPF program, whose numbers arrive within 50 ms, or the reading thread, as it does
 * while a resync runs.
 */
export type EngineStatus = Readonly<Record<(typeof ENGINE_COLUMNS)[number], number>> & {
  readonly engine: 'ebpf' | 'thread'
}

export interface ConntrackEventsOptions extends SocketOptions {
  /** Receive buffer, 64 MiB by default; the kernel doubles it. Less without CAP_NET_ADMIN. */
  readonly bufferBytes?: number
  /** `dnat` by default. */
  readonly selection?: FlowSelection
  /**
   * Who counts. An eBPF program counts inside of the kernel, so that no event is delivered or lost; it takes CAP_BPF and
   * Linux 5.6. `auto`, the default, has the thread count where it cannot be had; `ebpf` rejects with
   * ERR_CONNTRACK_EBPF there.
   */
  readonly engine?: CountingEngine
}

/** `Counting` of native/conntrack/events_session.h. */
const ENGINES = { auto: 0, ebpf: 1, thread: 2 } as const
export type CountingEngine = keyof typeof ENGINES

/** `FlowSelection` of native/conntrack/flow_selection.h. */
const SELECTIONS = { every: 0, dnat: 1, rewritten: 2 } as const

/**
 * Which flows are a Service's to count, when they are to one of its frontends: `dnat`, those that conntrack translates, by
 * their status; `rewritten`, those whose replies come from elsewhere than they go to, as IPVS has it with
 * net.ipv4.vs.conntrack=1. The kernel drops the events of others; with `every`, which is `dnat` otherwise, they count as
 * foreign.
 */
export type FlowSelection = keyof typeof SELECTIONS

const DEFAULT_BUFFER_BYTES = 64 * 1024 * 1024

/** A native thread that counts the flows of Services in one network namespace. */
export class ConntrackEvents {
  readonly #channel: NetlinkChannel
  readonly #engine = new Float64Array(ENGINE_COLUMNS.length)

  private constructor(channel: NetlinkChannel) {
    this.#channel = channel
  }

  /**
   * Starts counting with an empty table. Rejects with a NetlinkError: ERR_CONNTRACK_ABSENT (the kernel has no ctnetlink
   * or no events), ERR_CONNTRACK_EVENTS_OFF (the sysctl says so), ERR_CONNTRACK_EBPF (only when forced), EPERM, ENOENT (no such namespace).
   */
  static async open(options: ConntrackEventsOptions = {}): Promise<ConntrackEvents> {
    const channel = await NetlinkChannel.open('conntrack-events', options)
    const program = new ProgramWriter()
      .u32(options.bufferBytes ?? DEFAULT_BUFFER_BYTES)
      .u8(SELECTIONS[options.selection ?? 'dnat'])
      .u8(ENGINES[options.engine ?? 'auto'])
    try {
      await channel.request(METHODS.start, [program.view()], () => 'follow connection tracking events')
    } catch (error) {
      await channel.close()
      throw error
    }
    return new ConntrackEvents(channel)
  }

  /**
   * Counts by this table from when the promise settles; the table must not change until then. Rows keep their counters,
   * freed ones start again at 0. The table must keep every row at its place.
   */
  async setTable(table: ConntrackTable): Promise<void> {
    const rows = `${table.frontendRows} frontends and ${table.endpointRows} endpoints`
    const buffers = [new Uint8Array(0), ...table.buffers()]
    await this.#channel.request(METHODS.setTable, buffers, () => `count connections of ${rows}`)
  }

  /**
   * Recomputes the active flows of every row from a dump, which takes about a microsecond an entry of the kernel's table;
   * events go on being counted meanwhile. Rejects with ERR_CONNTRACK_RESYNC_OVERRUN, and changes nothing, when events
   * were lost while it ran.
   */
  async resync(): Promise<void> {
    await this.#channel.request(METHODS.resync, [], () => 'count active connections')
  }

  status(): EngineStatus {
    this.#channel.read(BLOCKS.engine, this.#engine)
    const entries = ENGINE_COLUMNS.map((column, i) => [column, this.#engine[i] ?? 0])
    const numbers = Object.fromEntries(entries) as Record<(typeof ENGINE_COLUMNS)[number], number>
    return { ...numbers, engine: numbers.countedInKernel === 1 ? 'ebpf' : 'thread' }
  }

  /** Copies the rows of all frontends, FLOW_ROW_WIDTH numbers each, as many as fit; returns the numbers written. */
  readFrontends(into: Float64Array): number {
    return this.#channel.read(BLOCKS.frontends, into)
  }

  readEndpoints(into: Float64Array): number {
    return this.#channel.read(BLOCKS.endpoints, into)
  }

  /** Rows of the same frontends: closed flows by life time. */
  readLifetimes(into: Float64Array): number {
    return this.#channel.read(BLOCKS.lifetimes, into)
  }

  /** One row: what the frontends counted whose rows were freed. */
  readRetired(into: Float64Array): number {
    return this.#channel.read(BLOCKS.retired, into)
  }

  /** Of the socket that asks; events count in `status`. */
  stats(): SocketStats {
    return this.#channel.stats()
  }

  /** Ends both threads. Idempotent. */
  close(): Promise<void> {
    return this.#channel.close()
  }
}
