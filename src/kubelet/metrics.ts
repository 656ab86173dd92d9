import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from '../metrics/registry.ts'
import type { PodPhase } from '../model/pod-status.ts'

const PHASES: readonly PodPhase[] = ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown']
const CONTAINER_STATES = ['created', 'running', 'exited', 'unknown'] as const
export type CountedContainerState = (typeof CONTAINER_STATES)[number]

/** What the gauges show; asked for when they are scraped, never kept up to date in between. */
export interface PodCounts {
  readonly runningPods: number
  readonly containers: Readonly<Record<CountedContainerState, number>>
  readonly phases: Readonly<Record<PodPhase, number>>
}

/** Every metric of the kubelet, under the kubelet's own names where it has one. */
export class KubeletMetrics {
  readonly #operations: Counter<'operation_type'>
  readonly #errors: Counter<'operation_type'>
  readonly #durations: Histogram<'operation_type'>
  readonly #podStart: Histogram
  readonly #relistDuration: Histogram
  readonly #relistInterval: Histogram

  constructor(registry: Registry, count: () => PodCounts) {
    const registers = [registry]
    this.#operations = new Counter({
      name: 'kubelet_runtime_operations_total',
      help: 'CRI calls made, by call.',
      labelNames: ['operation_type'],
      registers,
    })
    this.#errors = new Counter({
      name: 'kubelet_runtime_operations_errors_total',
      help: 'CRI calls that failed, by call.',
      labelNames: ['operation_type'],
      registers,
    })
    this.#durations = new Histogram({
      name: 'kubelet_runtime_operations_duration_seconds',
      help: 'Duration of CRI calls, by call.',
      labelNames: ['operation_type'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    })
    this.#podStart = new Histogram({
      name: 'kubelet_pod_start_duration_seconds',
      help: 'From first seeing a pod to all its containers running.',
      buckets: [0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300],
      registers,
    })
    this.#relistDuration = new Histogram({
      name: 'kubelet_pleg_relist_duration_seconds',
      help: 'Duration of one reading of all sandboxes and containers.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    })
    this.#relistInterval = new Histogram({
      name: 'kubelet_pleg_relist_interval_seconds',
      help: 'Time between two readings of all sandboxes and containers.',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 60],
      registers,
    })
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

  /** Counts one CRI call; `operation` in the kubelet's words (`run_podsandbox`). */
  observeOperation(operation: string, seconds: number, failed: boolean): void {
    this.#operations.labels(operation).inc()
    this.#durations.labels(operation).observe(seconds)
    if (failed) this.#errors.labels(operation).inc()
  }

  observePodStart(seconds: number): void {
    this.#podStart.observe(seconds)
  }

  observeRelist(seconds: number, sinceLastSeconds: number | undefined): void {
    this.#relistDuration.observe(seconds)
    if (sinceLastSeconds !== undefined) this.#relistInterval.observe(sinceLastSeconds)
  }
}
