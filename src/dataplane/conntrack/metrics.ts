import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from '../../metrics/registry.ts'
import { addRendered } from '../../metrics/rendered.ts'
import type { ConntrackSocket } from '../../native/conntrack.ts'
import type { IpFamily } from '../../util/address.ts'
import { addEngineMetrics } from './engine-metrics.ts'
import type { CountSource } from './flow-counts.ts'
import { type FlowMetricLimits, renderFlowMetrics } from './flow-metrics.ts'
import { MetricNames } from './metric-names.ts'
import { addTableMetrics } from './table-metrics.ts'

/** What a flow engine says of itself. */
export interface EngineMetrics {
  /** Where the numbers come from at each scrape. */
  follow(source: CountSource): void
  resynced(seconds: number): void
  resyncFailed(): void
}

/** What a stale flow cleaner says of its passes. */
export interface CleanerMetrics {
  cleaned(family: IpFamily, seconds: number, deleted: number): void
  failed(): void
}

export interface ConntrackMetricsOptions {
  readonly registry: Registry
  readonly limits: FlowMetricLimits
}

const SECONDS = [0.0001, 0.00025, 0.0005, ...Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i)]

/** Connection tracking's metrics: kube-proxy's names for its conntrack reconciler, `hawser_conntrack_*` for the rest. */
export class ConntrackMetrics implements EngineMetrics, CleanerMetrics {
  readonly #names: MetricNames
  readonly #removeRendered: () => void
  readonly #up: Gauge<'reason'>
  readonly #cleanerUp: Gauge<'reason'>
  readonly #accounting: Gauge
  readonly #resyncSeconds: Histogram
  readonly #resyncFailures: Counter
  readonly #cleanSeconds: Histogram<'ip_family'>
  readonly #deleted: Counter<'ip_family'>
  readonly #cleanFailures: Counter
  #source: CountSource | undefined
  #socket: ConntrackSocket | undefined

  constructor({ registry, limits }: ConntrackMetricsOptions) {
    const names = new MetricNames(registry)
    this.#names = names
    this.#up = new Gauge({
      ...names.own('hawser_conntrack_up', '1 while connections are counted; else why they are not'),
      labelNames: ['reason'],
    })
    this.#cleanerUp = new Gauge({
      ...names.own(
        'hawser_conntrack_reconciler_up',
        '1 while stale connections are deleted; else why they are not',
      ),
      labelNames: ['reason'],
    })
    this.#accounting = new Gauge(
      names.own(
        'hawser_conntrack_accounting',
        '1 where the kernel counts bytes and packets of connections (nf_conntrack_acct)',
      ),
    )
    this.#resyncSeconds = new Histogram({
      ...names.own(
        'hawser_conntrack_resync_duration_seconds',
        'Dumps that active connections were counted by',
      ),
      buckets: SECONDS,
    })
    this.#resyncFailures = new Counter(
      names.own(
        'hawser_conntrack_resync_failures_total',
        'Dumps that were of no use, as events were lost meanwhile',
      ),
    )
    this.#cleanSeconds = new Histogram({
      ...names.own('kubeproxy_conntrack_reconciler_sync_duration_seconds', 'Deletions of stale connections'),
      labelNames: ['ip_family'],
      buckets: SECONDS,
    })
    this.#deleted = new Counter({
      ...names.own('kubeproxy_conntrack_reconciler_deleted_entries_total', 'Stale connections deleted'),
      labelNames: ['ip_family'],
    })
    this.#cleanFailures = new Counter(
      names.own('hawser_conntrack_reconciler_failures_total', 'Deletions of stale connections that failed'),
    )
    addEngineMetrics(names, () => this.#source?.events.status())
    addTableMetrics(names, () => this.#socket)
    this.#removeRendered = addRendered(registry, async () =>
      this.#source === undefined ? '' : renderFlowMetrics(this.#source, limits),
    )
  }

  /** Says that connections are counted, or with what code they are not. */
  state(reason: string | undefined): void {
    setUp(this.#up, reason)
  }

  /** The same of the deletion of stale connections. */
  cleanerState(reason: string | undefined): void {
    setUp(this.#cleanerUp, reason)
  }

  accounting(isOn: boolean): void {
    this.#accounting.set(isOn ? 1 : 0)
  }

  follow(source: CountSource): void {
    this.#source = source
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

  cleaned(family: IpFamily, seconds: number, deleted: number): void {
    this.#cleanSeconds.labels(family).observe(seconds)
    this.#deleted.labels(family).inc(deleted)
  }

  failed(): void {
    this.#cleanFailures.inc()
  }

  /** Takes the metrics out of the registry. */
  close(): void {
    this.#source = undefined
    this.#socket = undefined
    this.#removeRendered()
    this.#names.removeAll()
  }
}

function setUp(gauge: Gauge<'reason'>, reason: string | undefined): void {
  gauge.reset()
  gauge.labels(reason ?? '').set(reason === undefined ? 1 : 0)
}
