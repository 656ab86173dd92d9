import type { Kubelet } from '../../kubelet/kubelet.ts'
import type { NodeFolders } from '../../kubelet/node/figures.ts'
import { jsonPage, metricsPage, type Pages } from '../../kubelet/server/page.ts'
import { CadvisorMetrics } from '../../kubelet/stats/cadvisor-metrics.ts'
import { ResourceMetrics } from '../../kubelet/stats/resource-metrics.ts'
import { StatsSummary } from '../../kubelet/stats/stats-summary.ts'
import { UsageReader } from '../../kubelet/stats/usage-reader.ts'
import type { Registry } from '../../metrics/registry.ts'
import type { Logger } from '../../util/logger.ts'
import type { Teardown } from '../process/teardown.ts'

export interface StatsOptions {
  readonly nodeName: string
  readonly kubelet: Kubelet
  /** With what containers' probes found. */
  readonly probes: Registry
  /** On the file systems that matter. */
  readonly folders: () => NodeFolders
  readonly log: Logger
}

/** What pods use and what their probes find, as pages of the node's API. Nothing is opened before somebody asks. */
export function statsPages(options: StatsOptions, teardown: Teardown): Pages {
  const { nodeName, kubelet, probes, folders, log } = options
  let opened: Promise<UsageReader> | undefined
  const reader = (): Promise<UsageReader> => {
    const { cgroupRoot } = kubelet
    opened ??= UsageReader.open({ snapshot: () => kubelet.snapshot, cgroupRoot }).catch((error: unknown) => {
      // The next one to ask tries again.
      opened = undefined
      throw error
    })
    return opened
  }
  teardown.add('the figures of what pods use', async () => (await opened)?.close())
  const resources = new ResourceMetrics(async () => (await reader()).read(), log)
  let cadvisor: CadvisorMetrics | undefined
  const containers = async (): Promise<string> => {
    cadvisor ??= new CadvisorMetrics(await reader())
    return cadvisor.render()
  }
  let summary: StatsSummary | undefined
  const summarize = async (): Promise<object> => {
    summary ??= new StatsSummary({ nodeName, folders, reader: await reader() })
    return summary.read()
  }
  return new Map([
    ['metrics/resource', async () => metricsPage(await resources.render())],
    ['stats/summary', async () => jsonPage(await summarize())],
    ['metrics/cadvisor', async () => metricsPage(await containers())],
    ['metrics/probes', async () => metricsPage(await probes.metrics())],
  ])
}
