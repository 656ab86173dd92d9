import { Registry } from 'prom-client'
import { beforeEach, expect, test } from 'vitest'
import type { PodEvent } from '../../../src/kubelet/pods/pod-event.ts'
import { PodMetrics } from '../../../src/kubelet/pods/pod-metrics.ts'
import { initialPodState, type PodState } from '../../../src/kubelet/pods/pod-state.ts'
import type { ContainerRecord } from '../../../src/kubelet/runtime/records.ts'
import type { Clock } from '../../../src/util/clock.ts'
import { buildContainer, buildPod } from '../../support/pod-builder.ts'

const CREATED = 1_700_000_000_000
const main = buildContainer({ name: 'main' })
const init = buildContainer({ name: 'init' })
const pod = buildPod('web', { createdAt: CREATED, containers: [main], initContainers: [init] })

const container = (name: string, startedAt: number, finishedAt: number, reason = ''): ContainerRecord => ({
  id: name,
  sandboxId: 'sandbox',
  podUid: pod.uid,
  name,
  attempt: 0,
  state: finishedAt === 0 ? 'running' : 'exited',
  createdAt: startedAt,
  startedAt,
  finishedAt,
  exitCode: 0,
  reason,
  message: '',
  imageId: '',
  restartDelayMs: 0,
})

const state = (containers: readonly ContainerRecord[] = []): PodState =>
  initialPodState(pod.name, pod.uid, pod, { sandboxes: [], containers }, 0)

let now: number
let registry: Registry
let metrics: PodMetrics
beforeEach(() => {
  now = CREATED
  registry = new Registry()
  const clock: Clock = { now: () => now, at: () => () => undefined }
  metrics = new PodMetrics(registry, clock)
})

const pulled = (waitedMs: number, sizeBytes: bigint): PodEvent => ({
  kind: 'imagePresent',
  container: main,
  id: 'sha256:1',
  pull: { pullMs: waitedMs, waitedMs, sizeBytes },
})

async function value(series: string): Promise<number | undefined> {
  const line = (await registry.metrics()).split('\n').find((text) => text.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

test('a start in the sense of the service level leaves out pulls, each moment once, and init containers', async () => {
  // Two pulls, from 1 s to 6 s and from 4 s to 8 s; then an init container of 2 s.
  now = CREATED + 6_000
  metrics.heard(pulled(5_000, 1n), state())
  now = CREATED + 8_000
  metrics.heard(pulled(4_000, 1n), state())
  now = CREATED + 12_000
  const ran = [container('init', CREATED + 8_500, CREATED + 10_500), container('main', CREATED + 11_000, 0)]
  metrics.started(11.5, state(ran))
  expect(await value('kubelet_pod_start_duration_seconds_sum')).toBe(11.5)
  expect(await value('kubelet_pod_start_total_duration_seconds_sum')).toBe(12)
  expect(await value('kubelet_pod_start_sli_duration_seconds_sum')).toBe(3)
})

test('pulls are told apart by the size of the image', async () => {
  metrics.heard(pulled(1_000, 5n * 2n ** 20n), state())
  metrics.heard(pulled(2_000, 100n * 2n ** 20n), state())
  const sum = (size: string) =>
    value(`kubelet_image_pull_duration_seconds_sum{image_size_in_bytes="${size}"}`)
  expect(await sum('0-10MB')).toBe(1)
  expect(await sum('100MB-500MB')).toBe(2)
})

test('what does not start is counted with its reason', async () => {
  const failed = (action: Extract<PodEvent, { kind: 'stepFailed' }>['action'], reason: string): PodEvent => ({
    ...{ kind: 'stepFailed', action, reason, message: '', retry: 'later' },
  })
  metrics.heard(failed({ kind: 'runSandbox', attempt: 0 }, 'FailedCreatePodSandBox'), state())
  metrics.heard(
    { kind: 'containerStarted', container: init, record: container('init', 0, 1, 'StartError') },
    state(),
  )
  metrics.heard({ kind: 'containerStarted', container: main, record: container('main', 1, 0) }, state())
  expect(await value('kubelet_started_pods_total')).toBe(1)
  expect(await value('kubelet_started_pods_errors_total')).toBe(1)
  expect(await value('kubelet_started_containers_total{container_type="init_container"}')).toBe(1)
  expect(await value('kubelet_started_containers_total{container_type="container"}')).toBe(1)
  const errors = 'kubelet_started_containers_errors_total'
  expect(await value(`${errors}{container_type="init_container",code="RunContainerError"}`)).toBe(1)
})
