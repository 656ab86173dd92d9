import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import type { ContainerUsage, PodUsage, Usage } from './usage-reader.ts'

/** What metrics-server and the autoscalers read: the kubelet's `/metrics/resource`, in Prometheus' text format. */
export class ResourceMetrics {
  readonly #read: () => Promise<Usage>
  readonly #log: Logger
  #rendering: Promise<string> | undefined

  constructor(read: () => Promise<Usage>, log: Logger) {
    this.#read = read
    this.#log = log
  }

  /** Reads and writes everything; whoever asks meanwhile gets the same. Never rejects: that it failed is a metric, too. */
  render(): Promise<string> {
    this.#rendering ??= this.#render().finally(() => {
      this.#rendering = undefined
    })
    return this.#rendering
  }

  async #render(): Promise<string> {
    try {
      return resourceMetrics(await this.#read())
    } catch (error) {
      this.#log.warn({ error: errorMessage(error) }, 'What pods use cannot be read')
      return resourceMetrics(undefined)
    }
  }
}

interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
}

/** As the kubelet names and types them; every sample but the start has the time it was taken at, in ms. */
const FAMILIES = {
  containerCpu: family('container_cpu_usage_seconds_total', 'counter', 'CPU time that a container has used.'),
  containerMemory: family('container_memory_working_set_bytes', 'gauge', 'Working set of a container.'),
  containerStart: family(
    'container_start_time_seconds',
    'gauge',
    'When a container started, seconds since the epoch.',
  ),
  containerSwap: family('container_swap_usage_bytes', 'gauge', 'Swap that a container uses.'),
  nodeCpu: family('node_cpu_usage_seconds_total', 'counter', 'CPU time that the node has used.'),
  nodeMemory: family('node_memory_working_set_bytes', 'gauge', 'Working set of the node.'),
  nodeSwap: family('node_swap_usage_bytes', 'gauge', 'Swap that the node uses.'),
  podCpu: family('pod_cpu_usage_seconds_total', 'counter', 'CPU time that a pod has used.'),
  podMemory: family('pod_memory_working_set_bytes', 'gauge', 'Working set of a pod.'),
  podSwap: family('pod_swap_usage_bytes', 'gauge', 'Swap that a pod uses.'),
  error: family('resource_scrape_error', 'gauge', '1 if the figures could not be read, else 0.'),
} as const

/** The text; without a usage, that there is none. Pure. */
export function resourceMetrics(usage: Usage | undefined): string {
  const lines = new Map<Family, string[]>(Object.values(FAMILIES).map((family) => [family, []]))
  const add = (family: Family, labels: string, value: number, at?: number) =>
    lines.get(family)?.push(`${family.name}${labels} ${value}${at === undefined ? '' : ` ${at}`}\n`)
  if (usage !== undefined) {
    const { at, cpuSeconds, workingSetBytes, swapBytes } = usage.node
    if (cpuSeconds !== undefined) add(FAMILIES.nodeCpu, '', cpuSeconds, at)
    add(FAMILIES.nodeMemory, '', workingSetBytes, at)
    add(FAMILIES.nodeSwap, '', swapBytes, at)
    for (const pod of usage.pods) {
      addPod(pod, add)
      for (const container of pod.containers) addContainer(container, pod, add)
    }
  }
  add(FAMILIES.error, '', usage === undefined ? 1 : 0)
  return [...lines]
    .filter(([, samples]) => samples.length > 0)
    .map(([{ name, type, help }, samples]) =>
      [`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`, ...samples].join(''),
    )
    .join('')
}

type Add = (family: Family, labels: string, value: number, at?: number) => void

function addPod({ namespace, name, usage }: PodUsage, add: Add): void {
  const labels = `{namespace="${namespace}",pod="${name}"}`
  add(FAMILIES.podCpu, labels, usage.cpuSeconds, usage.at)
  add(FAMILIES.podMemory, labels, usage.workingSetBytes, usage.at)
  add(FAMILIES.podSwap, labels, usage.swapBytes, usage.at)
}

/** Names of the API need no escaping. */
function addContainer({ name, startedAt, usage }: ContainerUsage, pod: PodUsage, add: Add): void {
  const labels = `{container="${name}",namespace="${pod.namespace}",pod="${pod.name}"}`
  add(FAMILIES.containerCpu, labels, usage.cpuSeconds, usage.at)
  add(FAMILIES.containerMemory, labels, usage.workingSetBytes, usage.at)
  add(FAMILIES.containerStart, labels, startedAt / 1_000)
  add(FAMILIES.containerSwap, labels, usage.swapBytes, usage.at)
}

function family(name: string, type: Family['type'], help: string): Family {
  return { name, type, help }
}
