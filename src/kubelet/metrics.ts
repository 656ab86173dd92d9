import { Counter, exponentialBuckets, Gauge, Histogram } from 'prom-client'
import type { Registry } from '../metrics/registry.ts'
import type { PodPhase } from '../model/pod-status.ts'

const PHASES: readonly PodPhase[] = ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown']
const CONTAINER_STATES = ['created', 'running', 'exited', 'unknown'] as const
export type CountedContainerState = (typeof CONTAINER_STATES)[number]

/** How far a pod is, as the kubelet's pod workers name it. */
const LIFECYCLES = ['sync', 'terminating', 'terminated'] as const
export type Lifecycle = (typeof LIFECYCLES)[number]
/** Whose pod: one of a source, of the node's own folder or not, or one that only the runtime knows. */
const ORIGINS = ['api', 'static', 'runtime'] as const
export type Origin = (typeof ORIGINS)[number]

/** What the gauges show; asked for when they are scraped, never kept up to date in between. */
export interface PodCounts {
  readonly runningPods: number
  readonly containers: Readonly<Record<CountedContainerState, number>>
  readonly phases: Readonly<Record<PodPhase, number>>
  /** Pods that take room on the node. */
  readonly active: Readonly<Record<Origin, number>>
  readonly working: Readonly<Record<Origin, Readonly<Record<Lifecycle, number>>>>
}

/** client_golang's defaults, in seconds: what the kubelet counts most of its durations in. */
const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Labels `static` and `config` as the kubelet has them for each origin. */
const LABELS: Record<Origin, { readonly static: string; readonly config: string }> = {
  api: { static: '', config: 'desired' },
  static: { static: 'true', config: 'desired' },
  runtime: { static: 'unknown', config: 'runtime_only' },
}

/** What the kubelet says of itself, under the kubelet's own names, labels and buckets where it has one. */
export class KubeletMetrics {
  readonly #operations: Counter<'operation_type'>
  readonly #errors: Counter<'operation_type'>
  readonly #durations: Histogram<'operation_type'>
  readonly #relistDuration: Histogram
  readonly #relistInterval: Histogram
  readonly #lastRelist: Gauge

  constructor(registry: Registry, count: () => PodCounts) {
    const registers = [registry]
    const labelNames = ['operation_type'] as const
    this.#operations = new Counter({
      name: 'kubelet_runtime_operations_total',
      help: 'CRI calls made, by call.',
      labelNames,
      registers,
    })
    this.#errors = new Counter({
      name: 'kubelet_runtime_operations_errors_total',
      help: 'CRI calls that failed, by call.',
      labelNames,
      registers,
    })
    this.#durations = new Histogram({
      name: 'kubelet_runtime_operations_duration_seconds',
      help: 'Duration of CRI calls, by call.',
      labelNames,
      buckets: exponentialBuckets(0.005, 2.5, 14),
      registers,
    })
    this.#relistDuration = new Histogram({
      name: 'kubelet_pleg_relist_duration_seconds',
      help: 'Duration of one reading of all sandboxes and containers.',
      buckets: DEFAULT_BUCKETS,
      registers,
    })
    this.#relistInterval = new Histogram({
      name: 'kubelet_pleg_relist_interval_seconds',
      help: 'Time between two readings of all sandboxes and containers.',
      buckets: DEFAULT_BUCKETS,
      registers,
    })
    this.#lastRelist = new Gauge({
      name: 'kubelet_pleg_last_seen_seconds',
      help: 'When all sandboxes and containers were last read, seconds since the epoch.',
      registers,
    })
    addRunning(registry, count)
    addPods(registry, count)
  }

  /** Counts one CRI call; `operation` in the kubelet's words (`run_podsandbox`). */
  observeOperation(operation: string, seconds: number, failed: boolean): void {
    this.#operations.labels(operation).inc()
    this.#durations.labels(operation).observe(seconds)
    if (failed) this.#errors.labels(operation).inc()
  }

  observeRelist(seconds: number, sinceLastSeconds: number | undefined): void {
    this.#relistDuration.observe(seconds)
    if (sinceLastSeconds !== undefined) this.#relistInterval.observe(sinceLastSeconds)
    this.#lastRelist.setToCurrentTime()
  }
}

function addRunning(registry: Registry, count: () => PodCounts): void {
  const registers = [registry]
  new Gauge({
    name: 'kubelet_running_pods',
    help: 'Pods that have a ready sandbox.',
    registers,
    collect() {
      this.set(count().runningPods)
    },
  })
  new Gauge({
    name: 'kubelet_running_containers',
    help: 'Containers by state.',
    labelNames: ['container_state'],
    registers,
    collect() {
      const { containers } = count()
      for (const state of CONTAINER_STATES) this.labels(state).set(containers[state])
    },
  })
  new Gauge({
    name: 'hawser_pods',
    help: 'Pods by phase.',
    labelNames: ['phase'],
    registers,
    collect() {
      const { phases } = count()
      for (const phase of PHASES) this.labels(phase).set(phases[phase])
    },
  })
}

function addPods(registry: Registry, count: () => PodCounts): void {
  const registers = [registry]
  const ofSources = ['api', 'static'] as const
  new Gauge({
    name: 'kubelet_desired_pods',
    help: 'Pods that are to run here, by whether they are static.',
    labelNames: ['static'],
    registers,
    collect() {
      const { working } = count()
      for (const origin of ofSources) this.labels(LABELS[origin].static).set(sumOf(working[origin]))
    },
  })
  new Gauge({
    name: 'kubelet_active_pods',
    help: 'Pods that take room on the node, by whether they are static.',
    labelNames: ['static'],
    registers,
    collect() {
      const { active } = count()
      for (const origin of ofSources) this.labels(LABELS[origin].static).set(active[origin])
    },
  })
  new Gauge({
    name: 'kubelet_mirror_pods',
    help: 'Static pods that the API server is to show.',
    registers,
    collect() {
      this.set(count().active.static)
    },
  })
  new Gauge({
    name: 'kubelet_working_pods',
    help: 'Pods that there are, by how far they are and whose they are.',
    labelNames: ['lifecycle', 'config', 'static'],
    registers,
    collect() {
      const { working } = count()
      for (const origin of ORIGINS)
        for (const lifecycle of LIFECYCLES)
          this.labels({ lifecycle, ...LABELS[origin] }).set(working[origin][lifecycle])
    },
  })
}

const sumOf = (counts: Readonly<Record<Lifecycle, number>>): number =>
  LIFECYCLES.reduce((sum, lifecycle) => sum + counts[lifecycle], 0)
