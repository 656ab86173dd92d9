import type { Kubelet } from '../../kubelet/kubelet.ts'
import { metricsPage, type Pages } from '../../kubelet/server/page.ts'
import { ResourceMetrics } from '../../kubelet/stats/resource-metrics.ts'
import { UsageReader } from '../../kubelet/stats/usage-reader.ts'
import type { Registry } from '../../metrics/registry.ts'
import type { Logger } from '../../util/logger.ts'
import type { Teardown } from '../process/teardown.ts'

export interface StatsOptions {
  readonly kubelet: Kubelet
  /** With what containers' probes found. */
  readonly probes: Registry
  readonly log: Logger
}

/** What pods use and what their probes find, as pages of the node's API. Nothing is opened before somebody asks. */
export function statsPages({ kubelet, probes, log }: StatsOptions, teardown: Teardown): Pages {
  let opened: Promise<UsageReader> | undefined
  const reader = (): Promise<UsageReader> => {
    opened ??= UsageReader.open({ snapshot: () => kubelet.snapshot, cgroupRoot: kubelet.cgroupRoot })
    return opened
  }
  teardown.add('the figures of what pods use', async () => (await opened)?.close())
  const resources = new ResourceMetrics(async () => (await reader()).read(), log)
  return new Map([
    ['metrics/resource', async () => metricsPage(await resources.render())],
    ['metrics/probes', async () => metricsPage(await probes.metrics())],
  ])
}
