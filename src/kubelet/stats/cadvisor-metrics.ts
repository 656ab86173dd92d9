import { setImmediate as turn } from 'node:timers/promises'
import type { DeviceActivity, Throttling } from './cgroup-activity.ts'
import type { CgroupUsage } from './cgroup-reader.ts'
import { DeviceNames } from './device-names.ts'
import { counter, gauge, MetricText } from './metric-text.ts'
import type { InterfaceCounters, TrafficCounters } from './network.ts'
import { podInterfaces } from './pod-network.ts'
import type { ContainerUsage, PodUsage, UsageReader } from './usage-reader.ts'

/** What the standard dashboards query of cAdvisor, under its names. */
const FAMILIES = {
  cpu: counter('container_cpu_usage_seconds_total', 'CPU time used.'),
  periods: counter('container_cpu_cfs_periods_total', 'Periods in which a quota of CPU time was in force.'),
  throttled: counter('container_cpu_cfs_throttled_periods_total', 'Periods in which the quota was used up.'),
  throttledTime: counter('container_cpu_cfs_throttled_seconds_total', 'Time spent waiting for quota.'),
  memory: gauge('container_memory_usage_bytes', 'Memory in use, caches and all.'),
  workingSet: gauge('container_memory_working_set_bytes', 'Memory that cannot be given back at once.'),
  rss: gauge('container_memory_rss', 'Anonymous memory.'),
  cache: gauge('container_memory_cache', 'Memory with contents of files.'),
  swap: gauge('container_memory_swap', 'Swap in use.'),
  start: gauge('container_start_time_seconds', 'When it started, seconds since the epoch.'),
  readBytes: counter('container_fs_reads_bytes_total', 'Bytes read from a block device.'),
  writtenBytes: counter('container_fs_writes_bytes_total', 'Bytes written to a block device.'),
  reads: counter('container_fs_reads_total', 'Reads from a block device.'),
  writes: counter('container_fs_writes_total', 'Writes to a block device.'),
} as const

const traffic = (direction: 'receive' | 'transmit') => ({
  bytes: counter(`container_network_${direction}_bytes_total`, `Bytes that an interface did ${direction}.`),
  packets: counter(
    `container_network_${direction}_packets_total`,
    `Packets that an interface did ${direction}.`,
  ),
  errors: counter(`container_network_${direction}_errors_total`, `Errors of an interface to ${direction}.`),
  dropped: counter(
    `container_network_${direction}_packets_dropped_total`,
    `Packets that an interface did not ${direction}.`,
  ),
})
const RECEIVE = traffic('receive')
const TRANSMIT = traffic('transmit')

/** The loop's other work comes in between after as much of it, in ms. */
const SLICE_MS = 2

/** The kubelet's `/metrics/cadvisor`, in Prometheus' text format. */
export class CadvisorMetrics {
  readonly #reader: UsageReader
  readonly #devices = new DeviceNames()
  #rendering: Promise<string> | undefined

  constructor(reader: UsageReader) {
    this.#reader = reader
  }

  /** Reads and writes everything; whoever asks meanwhile gets the same. */
  render(): Promise<string> {
    this.#rendering ??= this.#render().finally(() => {
      this.#rendering = undefined
    })
    return this.#rendering
  }

  async #render(): Promise<string> {
    const text = new MetricText()
    const { node, pods } = await this.#reader.read()
    const labels = labelText({ id: '/' })
    if (node.cpuSeconds !== undefined)
      text.add(FAMILIES.cpu, labelText({ id: '/' }, { cpu: 'total' }), node.cpuSeconds, node.at)
    text.add(FAMILIES.workingSet, labels, node.workingSetBytes, node.at)
    let began = performance.now()
    for (const pod of pods) {
      this.#addPod(pod, text)
      if (performance.now() - began < SLICE_MS) continue
      await turn()
      began = performance.now()
    }
    return text.toString()
  }

  #addPod(pod: PodUsage, text: MetricText): void {
    const { namespace, name, cgroups, sandbox, usage } = pod
    const common = { namespace, pod: name }
    addUsage(usage, { ...common, id: cgroups.pod }, text)
    for (const container of pod.containers) this.#addContainer(container, pod, text)
    const id = cgroups.container(sandbox.id)
    const interfaces = podInterfaces(pod, this.#reader.processesOf(pod))
    for (const counters of interfaces ?? [])
      addInterface(counters, { ...common, id, name: sandbox.id }, usage.at, text)
  }

  #addContainer(container: ContainerUsage, { namespace, name, cgroups }: PodUsage, text: MetricText): void {
    const { id, imageId, startedAt, usage } = container
    const path = cgroups.container(id)
    const identity = {
      ...{ container: container.name, namespace, pod: name },
      ...{ id: path, image: imageId, name: id },
    }
    addUsage(usage, identity, text)
    text.add(FAMILIES.start, labelText(identity), startedAt / 1_000)
    const { cgroups: reader } = this.#reader
    addThrottling(reader.throttling(path), identity, usage.at, text)
    for (const activity of reader.activity(path))
      addActivity(activity, this.#devices.nameOf(activity.device), identity, usage.at, text)
  }
}

/** Whose figures they are; what a level does not have is empty, as cAdvisor has it. */
interface Identity {
  readonly container?: string
  readonly id: string
  readonly image?: string
  readonly name?: string
  readonly namespace?: string
  readonly pod?: string
}

function labelText(identity: Identity, more: Readonly<Record<string, string>> = {}): string {
  const { container = '', id, image = '', name = '', namespace = '', pod = '' } = identity
  const labels = { container, id, image, name, namespace, pod, ...more }
  return `{${Object.entries(labels)
    .map(([label, value]) => `${label}="${value}"`)
    .join(',')}}`
}

function addUsage(usage: CgroupUsage, identity: Identity, text: MetricText): void {
  const { at } = usage
  const labels = labelText(identity)
  text.add(FAMILIES.cpu, labelText(identity, { cpu: 'total' }), usage.cpuSeconds, at)
  text.add(FAMILIES.memory, labels, usage.memoryBytes, at)
  text.add(FAMILIES.workingSet, labels, usage.workingSetBytes, at)
  text.add(FAMILIES.rss, labels, usage.rssBytes, at)
  text.add(FAMILIES.cache, labels, usage.cacheBytes, at)
  text.add(FAMILIES.swap, labels, usage.swapBytes, at)
}

/** Only of those who have a quota: without one there are no periods. */
function addThrottling(
  throttling: Throttling | undefined,
  identity: Identity,
  at: number,
  text: MetricText,
): void {
  if (throttling === undefined || throttling.periods === 0) return
  const labels = labelText(identity)
  text.add(FAMILIES.periods, labels, throttling.periods, at)
  text.add(FAMILIES.throttled, labels, throttling.throttledPeriods, at)
  text.add(FAMILIES.throttledTime, labels, throttling.throttledSeconds, at)
}

function addActivity(
  activity: DeviceActivity,
  device: string,
  identity: Identity,
  at: number,
  text: MetricText,
): void {
  const labels = labelText(identity, { device })
  text.add(FAMILIES.readBytes, labels, activity.readBytes, at)
  text.add(FAMILIES.writtenBytes, labels, activity.writtenBytes, at)
  text.add(FAMILIES.reads, labels, activity.reads, at)
  text.add(FAMILIES.writes, labels, activity.writes, at)
}

function addInterface(counters: InterfaceCounters, identity: Identity, at: number, text: MetricText): void {
  const labels = labelText(identity, { interface: counters.name })
  const add = (families: typeof RECEIVE, { bytes, packets, errors, dropped }: TrafficCounters): void => {
    text.add(families.bytes, labels, bytes, at)
    text.add(families.packets, labels, packets, at)
    text.add(families.errors, labels, errors, at)
    text.add(families.dropped, labels, dropped, at)
  }
  add(RECEIVE, counters.receive)
  add(TRANSMIT, counters.transmit)
}
