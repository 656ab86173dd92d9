import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from '../metrics/registry.ts'
import type { Problem } from '../model/problem.ts'
import type { IpFamily } from '../util/address.ts'
import type { CommitOutcome } from './backend.ts'

/** What a reconciler says of its syncs. */
export interface SyncMetrics {
  queued(): void
  /** One transaction, with what it took from plan to acknowledgement. */
  attempted(full: boolean, seconds: number, outcome: CommitOutcome['kind']): void
  synced(refusedFrontends: number): void
  audited(result: AuditResult): void
}

/** `failed`: the kernel could not be read, or not be repaired at once. */
export type AuditResult = 'clean' | 'repaired' | 'failed'

/** Numbers of changes, by what changed. */
export interface ChangeCounts {
  readonly services: number
  readonly endpoints: number
}

/** Where the numbers of kernel objects come from at each scrape. */
export type ObjectCounts = () => ReadonlyMap<string, number>

// kube-proxy's own buckets: 1 ms doubling to 16 s. Ours begin lower, since a change takes less than the first.
const SECONDS = [0.0001, 0.00025, 0.0005, ...Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i)]

// kube-proxy's: quarter seconds to 1 s, seconds to 10 s, and up to 5 min (pkg/proxy/metrics). Ours begin lower too.
const PROGRAMMING_SECONDS = [
  ...[0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 0.75],
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 30, 45, 60, 120, 180, 240, 300],
]

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
  readonly #programming: Histogram<'ip_family'>
  readonly #audits: Counter<'ip_family' | 'result'>
  readonly #serviceChanges: Counter
  readonly #endpointChanges: Counter
  readonly #pending = { services: 0, endpoints: 0 }
  #problems: () => readonly Problem[] = () => []

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
    this.#programming = new Histogram({
      ...this.#own(
        'kubeproxy_network_programming_duration_seconds',
        'From the change of an endpoint (its trigger time) to its being in force',
      ),
      labelNames: ['ip_family'],
      buckets: PROGRAMMING_SECONDS,
    })
    this.#audits = new Counter({
      ...this.#own('hawser_dataplane_audits_total', 'Comparisons of the kernel with what was committed'),
      labelNames: ['ip_family', 'result'],
    })
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
    const pending = this.#pending
    new Gauge({
      ...this.#own(`${prefix}_proxy_rules_service_changes_pending`, 'Service changes not in force yet'),
      collect() {
        this.set(pending.services)
      },
    })
    new Gauge({
      ...this.#own(
        `${prefix}_proxy_rules_endpoint_changes_pending`,
        'EndpointSlice changes not in force yet',
      ),
      collect() {
        this.set(pending.endpoints)
      },
    })
    const problemsNow = () => this.#problems()
    new Gauge({
      ...this.#own(
        'hawser_dataplane_problems',
        'What Services ask for and do not get, in part (warning) or at all (error); hawser status has them',
      ),
      labelNames: ['severity'],
      collect() {
        const counts = { error: 0, warning: 0 }
        for (const { severity } of problemsNow()) counts[severity]++
        for (const [severity, count] of Object.entries(counts)) this.labels(severity).set(count)
      },
    })
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

  /** Where problems with Services come from at each scrape. */
  followProblems(problems: () => readonly Problem[]): void {
    this.#problems = problems
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
    const auditsOf = (result: AuditResult) => this.#audits.labels(family, result)
    const audits = { clean: auditsOf('clean'), repaired: auditsOf('repaired'), failed: auditsOf('failed') }
    for (const counter of Object.values(audits)) counter.inc(0)
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
      audited: (result) => audits[result].inc(),
    }
  }

  serviceChanged(): void {
    this.#serviceChanges.inc()
    this.#pending.services++
  }

  endpointsChanged(): void {
    this.#endpointChanges.inc()
    this.#pending.endpoints++
  }

  /** So many of the changes taken in are in force now, in every family. */
  settle({ services, endpoints }: ChangeCounts): void {
    this.#pending.services -= services
    this.#pending.endpoints -= endpoints
  }

  /** An endpoint changed at `triggerTime` (ms since the epoch), and the family's kernel has it now. */
  programmed(family: IpFamily, triggerTime: number): void {
    this.#programming.labels(family).observe(Math.max(0, Date.now() - triggerTime) / 1000)
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
