import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from '../metrics/registry.ts'
import type { IpFamily } from '../util/address.ts'
import type { CommitOutcome } from './backend.ts'

/** What a reconciler says of its syncs. */
export interface SyncMetrics {
  queued(): void
  /** One transaction, with what it took from plan to acknowledgement. */
  attempted(full: boolean, seconds: number, outcome: CommitOutcome['kind']): void
  synced(refusedFrontends: number): void
}

/** Where the numbers of kernel objects come from at each scrape. */
export type ObjectCounts = () => ReadonlyMap<string, number>

// kube-proxy's own buckets: 1 ms doubling to 16 s. Ours begin lower, since a change takes less than the first.
const SECONDS = [0.0001, 0.00025, 0.0005, ...Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i)]

/**
 * The dataplane's metrics: kube-proxy's names where it has one for the thing (kubernetes pkg/proxy/metrics), so that
 * existing dashboards and alerts work, `hawser_dataplane_*` for what it has not.
 */
export class DataplaneMetrics {
  readonly #registry: Registry
  readonly #names: string[] = []
  readonly #objectSources = new Map<IpFamily, ObjectCounts>()
  readonly #duration: Histogram<'ip_family'>
  readonly #full: Histogram<'ip_family'>
  readonly #partial: Histogram<'ip_family'>
  readonly #last: Gauge<'ip_family'>
  readonly #queued: Gauge<'ip_family'>
  readonly #failures: Counter<'ip_family'>
  readonly #refused: Gauge<'ip_family'>
  readonly #serviceChanges: Counter
  readonly #endpointChanges: Counter

  constructor(registry: Registry) {
    this.#registry = registry
    const histogram = (name: string, help: string): Histogram<'ip_family'> =>
      new Histogram({ ...this.#own(name, help), labelNames: ['ip_family'], buckets: SECONDS })
    const gauge = (name: string, help: string): Gauge<'ip_family'> =>
      new Gauge({ ...this.#own(name, help), labelNames: ['ip_family'] })
    const prefix = 'kubeproxy_sync'
    this.#duration = histogram(`${prefix}_proxy_rules_duration_seconds`, 'Plan to acknowledgement')
    this.#full = histogram(`${prefix}_full_proxy_rules_duration_seconds`, 'Syncs that made the table anew')
    this.#partial = histogram(`${prefix}_partial_proxy_rules_duration_seconds`, 'Syncs of changes only')
    this.#last = gauge(`${prefix}_proxy_rules_last_timestamp_seconds`, 'The last successful sync')
    this.#queued = gauge(
      `${prefix}_proxy_rules_last_queued_timestamp_seconds`,
      'The last time a sync was queued',
    )
    this.#failures = new Counter({
      ...this.#own(
        `${prefix}_proxy_rules_nftables_sync_failures_total`,
        'Transactions that the kernel refused',
      ),
      labelNames: ['ip_family'],
    })
    this.#refused = gauge('hawser_dataplane_refused_frontends', 'Frontends that the kernel refuses')
    this.#serviceChanges = new Counter(
      this.#own(`${prefix}_proxy_rules_service_changes_total`, 'Service changes taken in'),
    )
    this.#endpointChanges = new Counter(
      this.#own(`${prefix}_proxy_rules_endpoint_changes_total`, 'EndpointSlice changes taken in'),
    )
    const sources = this.#objectSources
    new Gauge({
      ...this.#own('hawser_dataplane_objects', 'Objects in the kernel, as acknowledged'),
      labelNames: ['kind', 'ip_family'],
      collect() {
        for (const [family, counts] of sources)
          for (const [kind, count] of counts()) this.labels(kind, family).set(count)
      },
    })
  }

  /** The metrics of one family, labels bound once. */
  family(family: IpFamily, objects: ObjectCounts): SyncMetrics {
    this.#objectSources.set(family, objects)
    const duration = this.#duration.labels(family)
    const full = this.#full.labels(family)
    const partial = this.#partial.labels(family)
    const last = this.#last.labels(family)
    const queued = this.#queued.labels(family)
    const failures = this.#failures.labels(family)
    const refused = this.#refused.labels(family)
    failures.inc(0)
    return {
      queued: () => queued.setToCurrentTime(),
      attempted: (isFull, seconds, outcome) => {
        duration.observe(seconds)
        const kind = isFull ? full : partial
        kind.observe(seconds)
        if (outcome !== 'committed') failures.inc()
      },
      synced: (count) => {
        last.setToCurrentTime()
        refused.set(count)
      },
    }
  }

  serviceChanged(): void {
    this.#serviceChanges.inc()
  }

  endpointsChanged(): void {
    this.#endpointChanges.inc()
  }

  /** Takes the metrics out of the registry, so that another dataplane of the process can have it. */
  close(): void {
    for (const name of this.#names) this.#registry.removeSingleMetric(name)
  }

  #own(name: string, help: string): { name: string; help: string; registers: Registry[] } {
    this.#names.push(name)
    return { name, help, registers: [this.#registry] }
  }
}
