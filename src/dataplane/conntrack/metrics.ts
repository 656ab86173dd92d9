import { readFile } from 'node:fs/promises'
import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from '../../metrics/registry.ts'
import { splitObjectName } from '../../model/object-name.ts'
import type { ConntrackSocket } from '../../native/conntrack.ts'
import { type ConntrackEvents, FLOW_COLUMNS } from '../../native/conntrack-events.ts'
import type { FlowRows } from './flow-rows.ts'
import { readServiceCounts, type ServiceCounts, topServices } from './service-counts.ts'

/** What a flow engine says of itself. */
export interface EngineMetrics {
  /** Where the numbers come from at each scrape. */
  follow(events: ConntrackEvents, rows: FlowRows): void
  resynced(seconds: number): void
  resyncFailed(): void
}

/** What a stale flow cleaner says of its passes. */
export interface CleanerMetrics {
  cleaned(seconds: number, deleted: number): void
  failed(): void
}

export interface ConntrackMetricsOptions {
  readonly registry: Registry
  /** Services with series of their own: those with the most connections opened. */
  readonly topServices: number
}

const SECONDS = [0.0001, 0.00025, 0.0005, ...Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i)]
const LIMIT_FILE = '/proc/sys/net/netfilter/nf_conntrack_max'
/** Gauges and counters of one scrape read the rows once. */
const SCRAPE_MS = 100

type FlowColumn = keyof typeof FLOW_COLUMNS

/** Series of Services and of all of them; `active` goes up and down, the others only ever grow. */
const FLOW_SERIES: Readonly<Record<FlowColumn, readonly [name: string, help: string]>> = {
  opened: ['connections_opened_total', 'Connections opened'],
  closed: ['connections_closed_total', 'Connections that ended'],
  active: ['connections_active', 'Connections in the table'],
  unreplied: ['connections_unreplied_total', 'Connections that ended without a reply'],
  originalBytes: ['received_bytes_total', 'Bytes from clients, of connections that ended'],
  replyBytes: ['sent_bytes_total', 'Bytes to clients, of connections that ended'],
  originalPackets: ['received_packets_total', 'Packets from clients, of connections that ended'],
  replyPackets: ['sent_packets_total', 'Packets to clients, of connections that ended'],
}

interface Source {
  readonly events: ConntrackEvents
  readonly rows: FlowRows
}

/** Connection tracking's metrics: kube-proxy's names for its conntrack reconciler, `hawser_conntrack_*` for the rest. */
export class ConntrackMetrics implements EngineMetrics, CleanerMetrics {
  readonly #registry: Registry
  readonly #topServices: number
  readonly #names: string[] = []
  readonly #up: Gauge<'reason'>
  readonly #resyncSeconds: Histogram
  readonly #resyncFailures: Counter
  readonly #cleanSeconds: Histogram
  readonly #deleted: Counter
  readonly #cleanFailures: Counter
  #source: Source | undefined
  #socket: ConntrackSocket | undefined
  #counts: { readonly at: number; readonly counts: ServiceCounts } | undefined

  constructor(options: ConntrackMetricsOptions) {
    this.#registry = options.registry
    this.#topServices = options.topServices
    this.#up = new Gauge({
      ...this.#own('hawser_conntrack_up', '1 while connections are counted; else why they are not'),
      labelNames: ['reason'],
    })
    this.#resyncSeconds = new Histogram({
      ...this.#own(
        'hawser_conntrack_resync_duration_seconds',
        'Dumps that active connections were counted by',
      ),
      buckets: SECONDS,
    })
    this.#resyncFailures = new Counter(
      this.#own(
        'hawser_conntrack_resync_failures_total',
        'Dumps that were of no use, as events were lost meanwhile',
      ),
    )
    // kube-proxy's own names; its label ip_family is left out, since one pass serves both families.
    this.#cleanSeconds = new Histogram({
      ...this.#own('kubeproxy_conntrack_reconciler_sync_duration_seconds', 'Deletions of stale connections'),
      buckets: SECONDS,
    })
    this.#deleted = new Counter(
      this.#own('kubeproxy_conntrack_reconciler_deleted_entries_total', 'Stale connections deleted'),
    )
    this.#cleanFailures = new Counter(
      this.#own('hawser_conntrack_reconciler_failures_total', 'Deletions of stale connections that failed'),
    )
    this.#engineSeries()
    this.#tableSeries()
    for (const column of Object.keys(FLOW_SERIES)) this.#flowSeries(column as FlowColumn)
  }

  /** Says that connections are counted, or with what code they are not. */
  state(reason: string | undefined): void {
    this.#up.reset()
    this.#up.labels(reason ?? '').set(reason === undefined ? 1 : 0)
  }

  follow(events: ConntrackEvents, rows: FlowRows): void {
    this.#source = { events, rows }
  }

  /** Where the table's size comes from. */
  followTable(socket: ConntrackSocket): void {
    this.#socket = socket
  }

  resynced(seconds: number): void {
    this.#resyncSeconds.observe(seconds)
  }

  resyncFailed(): void {
    this.#resyncFailures.inc()
  }

  cleaned(seconds: number, deleted: number): void {
    this.#cleanSeconds.observe(seconds)
    this.#deleted.inc(deleted)
  }

  failed(): void {
    this.#cleanFailures.inc()
  }

  /** Takes the metrics out of the registry. */
  close(): void {
    this.#source = undefined
    this.#socket = undefined
    for (const name of this.#names) this.#registry.removeSingleMetric(name)
  }

  #engineSeries(): void {
    const status = () => this.#source?.events.status()
    new Counter({
      ...this.#own('hawser_conntrack_events_total', 'Events of translated connections, by what they told'),
      labelNames: ['event'],
      collect() {
        const now = status()
        this.reset()
        if (now === undefined) return
        this.labels('new').inc(now.openEvents)
        this.labels('destroy').inc(now.closeEvents)
        this.labels('foreign').inc(now.foreignEvents)
        this.labels('malformed').inc(now.malformedEvents)
      },
    })
    const total = (
      name: string,
      help: string,
      value: (now: NonNullable<ReturnType<typeof status>>) => number,
    ) =>
      new Counter({
        ...this.#own(name, help),
        collect() {
          const now = status()
          this.reset()
          if (now !== undefined) this.inc(value(now))
        },
      })
    total('hawser_conntrack_dropped_events_total', 'Events lost, exactly', (now) => now.droppedEvents)
    total('hawser_conntrack_resyncs_total', 'Times that a dump was counted', (now) => now.resyncs)
    total(
      'hawser_conntrack_reader_cpu_seconds_total',
      'Processor time of the thread that reads events',
      (now) => now.readerNanoseconds / 1e9,
    )
  }

  #tableSeries(): void {
    const socket = () => this.#socket
    new Gauge({
      ...this.#own('hawser_conntrack_entries', 'Entries in the table'),
      async collect() {
        const count = await socket()
          ?.count()
          .catch(() => undefined)
        if (count !== undefined) this.set(count)
      },
    })
    new Gauge({
      ...this.#own('hawser_conntrack_entries_limit', 'Entries that the table may have (nf_conntrack_max)'),
      async collect() {
        const limit = await readFile(LIMIT_FILE, 'utf8').catch(() => undefined)
        if (limit !== undefined) this.set(Number(limit))
      },
    })
  }

  #flowSeries(column: FlowColumn): void {
    const [name, help] = FLOW_SERIES[column]
    const at = FLOW_COLUMNS[column]
    const counts = () => this.#countsNow()
    const top = () => {
      const now = counts()
      return now === undefined ? [] : topServices(now, FLOW_COLUMNS.opened, this.#topServices)
    }
    const Kind = column === 'active' ? Gauge : Counter
    new Kind({
      ...this.#own(`hawser_conntrack_${name}`, `${help}, of all Services`),
      collect() {
        this.reset()
        this.inc(counts()?.total[at] ?? 0)
      },
    })
    new Kind({
      ...this.#own(`hawser_conntrack_service_${name}`, `${help}, of the busiest Services`),
      labelNames: ['namespace', 'service'],
      collect() {
        this.reset()
        for (const [service, row] of top()) {
          const { namespace, name } = splitObjectName(service)
          this.labels(namespace, name).inc(row[at] ?? 0)
        }
      },
    })
  }

  #countsNow(): ServiceCounts | undefined {
    if (this.#source === undefined) return undefined
    const now = performance.now()
    if (this.#counts === undefined || now - this.#counts.at > SCRAPE_MS) {
      const { events, rows } = this.#source
      this.#counts = { at: now, counts: readServiceCounts(events, rows) }
    }
    return this.#counts.counts
  }

  #own(name: string, help: string): { name: string; help: string; registers: Registry[] } {
    this.#names.push(name)
    return { name, help, registers: [this.#registry] }
  }
}
