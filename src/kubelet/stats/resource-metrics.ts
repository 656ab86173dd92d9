import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { counter, gauge, MetricText } from './metric-text.ts'
import type { ContainerUsage, PodUsage, Usage } from './usage-reader.ts'

/** As the kubelet names and types them; every sample but the start has the time it was taken at. */
const FAMILIES = {
  containerCpu: counter('container_cpu_usage_seconds_total', 'CPU time that a container has used.'),
  containerMemory: gauge('container_memory_working_set_bytes', 'Working set of a container.'),
  containerStart: gauge('container_start_time_seconds', 'When a container started, seconds since the epoch.'),
  containerSwap: gauge('container_swap_usage_bytes', 'Swap that a container uses.'),
  nodeCpu: counter('node_cpu_usage_seconds_total', 'CPU time that the node has used.'),
  nodeMemory: gauge('node_memory_working_set_bytes', 'Working set of the node.'),
  nodeSwap: gauge('node_swap_usage_bytes', 'Swap that the node uses.'),
  podCpu: counter('pod_cpu_usage_seconds_total', 'CPU time that a pod has used.'),
  podMemory: gauge('pod_memory_working_set_bytes', 'Working set of a pod.'),
  podSwap: gauge('pod_swap_usage_bytes', 'Swap that a pod uses.'),
  error: gauge('resource_scrape_error', '1 if the figures could not be read, else 0.'),
} as const

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

/** The text; without a usage, that there is none. Pure. */
export function resourceMetrics(usage: Usage | undefined): string {
  const text = new MetricText()
  if (usage !== undefined) {
    const { at, cpuSeconds, workingSetBytes, swapBytes } = usage.node
    if (cpuSeconds !== undefined) text.add(FAMILIES.nodeCpu, '', cpuSeconds, at)
    text.add(FAMILIES.nodeMemory, '', workingSetBytes, at)
    text.add(FAMILIES.nodeSwap, '', swapBytes, at)
    for (const pod of usage.pods) {
      addPod(pod, text)
      for (const container of pod.containers) addContainer(container, pod, text)
    }
  }
  text.add(FAMILIES.error, '', usage === undefined ? 1 : 0)
  return text.toString()
}

function addPod({ namespace, name, usage }: PodUsage, text: MetricText): void {
  const labels = `{namespace="${namespace}",pod="${name}"}`
  text.add(FAMILIES.podCpu, labels, usage.cpuSeconds, usage.at)
  text.add(FAMILIES.podMemory, labels, usage.workingSetBytes, usage.at)
  text.add(FAMILIES.podSwap, labels, usage.swapBytes, usage.at)
}

/** Names of the API need no escaping. */
function addContainer({ name, startedAt, usage }: ContainerUsage, pod: PodUsage, text: MetricText): void {
  const labels = `{container="${name}",namespace="${pod.namespace}",pod="${pod.name}"}`
  text.add(FAMILIES.containerCpu, labels, usage.cpuSeconds, usage.at)
  text.add(FAMILIES.containerMemory, labels, usage.workingSetBytes, usage.at)
  text.add(FAMILIES.containerStart, labels, startedAt / 1_000)
  text.add(FAMILIES.containerSwap, labels, usage.swapBytes, usage.at)
}
