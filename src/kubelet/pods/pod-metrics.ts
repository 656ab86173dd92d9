import { Counter, Histogram } from 'prom-client'
import type { Registry } from '../../metrics/registry.ts'
import type { Clock } from '../../util/clock.ts'
import type { PodEvent, StepFailure } from './pod-event.ts'
import type { PodState } from './pod-state.ts'

/** The kubelet's own, in seconds. */
const START_BUCKETS = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1_200, 1_800, 2_700,
  3_600,
]
const PULL_BUCKETS = [
  1, 5, 10, 20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1_200, 1_800, 2_700, 3_600,
]
const WORK_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const [MB, GB] = [2 ** 20, 2 ** 30]
/** Sizes of images and the label each begins, as the kubelet has them. */
const IMAGE_SIZES: readonly (readonly [number, string])[] = [
  [100 * GB, 'GT100GB'],
  [60 * GB, '60GB-100GB'],
  [40 * GB, '40GB-60GB'],
  [30 * GB, '30GB-40GB'],
  [20 * GB, '20GB-30GB'],
  [10 * GB, '10GB-20GB'],
  [5 * GB, '5GB-10GB'],
  [GB, '1GB-5GB'],
  [500 * MB, '500MB-1GB'],
  [100 * MB, '100MB-500MB'],
  [10 * MB, '10MB-100MB'],
  [0, '0-10MB'],
]

/** Times in ms since the epoch. */
interface Interval {
  readonly from: number
  readonly to: number
}

/** How pods come to run, under the kubelet's own names, labels and buckets. */
export class PodMetrics {
  readonly #clock: Clock
  readonly #podStart: Histogram
  readonly #podStartTotal: Histogram
  readonly #podStartSli: Histogram
  readonly #work: Histogram<'operation_type'>
  readonly #pods: Counter
  readonly #podErrors: Counter
  readonly #containers: Counter<'container_type'>
  readonly #containerErrors: Counter<'container_type' | 'code'>
  readonly #pulls: Histogram<'image_size_in_bytes'>
  /** When pods that have not started yet waited for images, by UID. */
  readonly #waits = new Map<string, Interval[]>()

  constructor(registry: Registry, clock: Clock) {
    this.#clock = clock
    const registers = [registry]
    const start = (name: string, help: string) =>
      new Histogram({ name, help, buckets: START_BUCKETS, registers })
    this.#podStart = start(
      'kubelet_pod_start_duration_seconds',
      'From first seeing a pod to all its containers running.',
    )
    this.#podStartTotal = start(
      'kubelet_pod_start_total_duration_seconds',
      "From a pod's creation in the API to all its containers running.",
    )
    this.#podStartSli = start(
      'kubelet_pod_start_sli_duration_seconds',
      "From a pod's creation in the API to all its containers running, without image pulls and init containers.",
    )
    this.#work = new Histogram({
      name: 'kubelet_pod_worker_duration_seconds',
      help: 'Duration of what is done for a pod at a stretch.',
      labelNames: ['operation_type'],
      buckets: WORK_BUCKETS,
      registers,
    })
    this.#pods = new Counter({ name: 'kubelet_started_pods_total', help: 'Pods started.', registers })
    this.#podErrors = new Counter({
      name: 'kubelet_started_pods_errors_total',
      help: 'Pods whose sandbox could not be started.',
      registers,
    })
    this.#containers = new Counter({
      name: 'kubelet_started_containers_total',
      help: 'Containers started, or tried to.',
      labelNames: ['container_type'],
      registers,
    })
    this.#containerErrors = new Counter({
      name: 'kubelet_started_containers_errors_total',
      help: 'Containers that could not be started, by reason.',
      labelNames: ['container_type', 'code'],
      registers,
    })
    this.#pulls = new Histogram({
      name: 'kubelet_image_pull_duration_seconds',
      help: 'Duration of image pulls with the wait for their turn, by size of the image.',
      labelNames: ['image_size_in_bytes'],
      buckets: PULL_BUCKETS,
      registers,
    })
  }

  /** All containers of the pod run for the first time, `seconds` after it was first seen. */
  started(seconds: number, { uid, pod, records }: PodState): void {
    const waits = this.#waits.get(uid) ?? []
    this.#waits.delete(uid)
    this.#podStart.observe(seconds)
    if (pod?.createdAt === undefined) return
    const total = this.#clock.now() - pod.createdAt
    const init = new Set(pod.initContainers.map(({ name }) => name))
    const initMs = records.containers
      .filter(({ name, finishedAt }) => init.has(name) && finishedAt > 0)
      .reduce((sum, { startedAt, finishedAt }) => sum + Math.max(0, finishedAt - startedAt), 0)
    this.#podStartTotal.observe(Math.max(0, total) / 1_000)
    this.#podStartSli.observe(Math.max(0, total - initMs - lengthOf(waits)) / 1_000)
  }

  /** What was due for a pod has been done. */
  worked(operation: 'create' | 'sync' | 'kill', seconds: number): void {
    this.#work.labels(operation).observe(seconds)
  }

  /** Counts what the pod heard. */
  heard(event: PodEvent, state: PodState): void {
    switch (event.kind) {
      case 'sandboxRunning':
        this.#pods.inc()
        return
      case 'containerStarted': {
        // containerd's word for one that never ran.
        const failed = event.record.reason === 'StartError'
        this.#container(event.container.name, state, failed ? 'RunContainerError' : undefined)
        return
      }
      case 'imagePresent':
        if (event.pull !== undefined) this.#pulled(state.uid, event.pull.waitedMs, event.pull.sizeBytes)
        return
      case 'imageFailed':
        this.#container(event.container.name, state, event.failure.reason)
        return
      case 'stepFailed':
        this.#failed(event, state)
        return
      case 'cleanedUp':
        this.#waits.delete(state.uid)
    }
  }

  #failed({ action, reason }: StepFailure, state: PodState): void {
    if (action.kind === 'startContainer') this.#container(action.container.name, state, reason)
    if (action.kind !== 'runSandbox') return
    this.#pods.inc()
    this.#podErrors.inc()
  }

  #container(name: string, { pod }: PodState, error: string | undefined): void {
    const isInit = pod?.initContainers.some((container) => container.name === name) === true
    const type = isInit ? 'init_container' : 'container'
    this.#containers.labels(type).inc()
    if (error !== undefined) this.#containerErrors.labels(type, error).inc()
  }

  #pulled(uid: string, waitedMs: number, sizeBytes: bigint): void {
    const now = this.#clock.now()
    const waits = this.#waits.get(uid) ?? []
    this.#waits.set(uid, [...waits, { from: now - waitedMs, to: now }])
    const [, label = ''] = IMAGE_SIZES.find(([from]) => sizeBytes >= from) ?? []
    this.#pulls.labels(label).observe(waitedMs / 1_000)
  }
}

/** Of all of them together; what overlaps counts once. In ms. */
function lengthOf(intervals: readonly Interval[]): number {
  let length = 0
  let end = Number.NEGATIVE_INFINITY
  for (const { from, to } of [...intervals].sort((a, b) => a.from - b.from)) {
    length += Math.max(0, to - Math.max(from, end))
    end = Math.max(end, to)
  }
  return length
}
