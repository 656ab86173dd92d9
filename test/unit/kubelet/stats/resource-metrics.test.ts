import { expect, test } from 'vitest'
import type { CgroupUsage } from '../../../../src/kubelet/stats/cgroup-reader.ts'
import { ResourceMetrics, resourceMetrics } from '../../../../src/kubelet/stats/resource-metrics.ts'
import type { Usage } from '../../../../src/kubelet/stats/usage-reader.ts'
import { objectName } from '../../../../src/model/object-name.ts'
import { silentLogger } from '../../../../src/util/logger.ts'

const cgroup = (cpuSeconds: number, workingSetBytes: number): CgroupUsage => ({
  at: 1_700_000_000_123,
  cpuSeconds,
  memoryBytes: workingSetBytes + 1,
  workingSetBytes,
  rssBytes: 1,
  cacheBytes: 1,
  pageFaults: 1,
  majorPageFaults: 1,
  swapBytes: 0,
})

const USAGE: Usage = {
  node: { at: 1_700_000_000_456, cpuSeconds: 1234.5, workingSetBytes: 2 ** 30, swapBytes: 0 },
  pods: [
    {
      namespace: 'default',
      name: 'web',
      uid: 'uid-web',
      cgroups: { pod: '/pod1', container: (id) => `/pod1/${id}` },
      sandbox: {
        id: 'sandbox',
        pod: objectName('default', 'web'),
        podUid: 'uid-web',
        attempt: 0,
        ready: true,
        createdAt: 1_699_999_999_000,
        ips: [],
        graceSeconds: 30,
        isStatic: false,
      },
      usage: cgroup(3.5, 5_000_000),
      containers: [
        {
          id: 'main-1',
          name: 'main',
          imageId: 'sha256:1',
          startedAt: 1_699_999_999_500,
          usage: cgroup(3.25, 4_000_000),
        },
      ],
    },
  ],
}

test('metrics have the names, types, labels and times that metrics-server reads', () => {
  const lines = resourceMetrics(USAGE).split('\n')
  expect(lines.filter((line) => !line.startsWith('# HELP'))).toEqual([
    '# TYPE container_cpu_usage_seconds_total counter',
    'container_cpu_usage_seconds_total{container="main",namespace="default",pod="web"} 3.25 1700000000123',
    '# TYPE container_memory_working_set_bytes gauge',
    'container_memory_working_set_bytes{container="main",namespace="default",pod="web"} 4000000 1700000000123',
    '# TYPE container_start_time_seconds gauge',
    'container_start_time_seconds{container="main",namespace="default",pod="web"} 1699999999.5',
    '# TYPE container_swap_usage_bytes gauge',
    'container_swap_usage_bytes{container="main",namespace="default",pod="web"} 0 1700000000123',
    '# TYPE node_cpu_usage_seconds_total counter',
    'node_cpu_usage_seconds_total 1234.5 1700000000456',
    '# TYPE node_memory_working_set_bytes gauge',
    'node_memory_working_set_bytes 1073741824 1700000000456',
    '# TYPE node_swap_usage_bytes gauge',
    'node_swap_usage_bytes 0 1700000000456',
    '# TYPE pod_cpu_usage_seconds_total counter',
    'pod_cpu_usage_seconds_total{namespace="default",pod="web"} 3.5 1700000000123',
    '# TYPE pod_memory_working_set_bytes gauge',
    'pod_memory_working_set_bytes{namespace="default",pod="web"} 5000000 1700000000123',
    '# TYPE pod_swap_usage_bytes gauge',
    'pod_swap_usage_bytes{namespace="default",pod="web"} 0 1700000000123',
    '# TYPE resource_scrape_error gauge',
    'resource_scrape_error 0',
    '',
  ])
})

test('a failure to read is a metric, and only that', async () => {
  const metrics = new ResourceMetrics(() => Promise.reject(new Error('EMFILE')), silentLogger)
  const lines = (await metrics.render()).split('\n').filter((line) => !line.startsWith('#'))
  expect(lines).toEqual(['resource_scrape_error 1', ''])
})

test('scrapes at the same time share one reading', async () => {
  let readings = 0
  const metrics = new ResourceMetrics(async () => {
    readings++
    return USAGE
  }, silentLogger)
  const [one, other] = await Promise.all([metrics.render(), metrics.render()])
  expect(one).toBe(other)
  await metrics.render()
  expect(readings).toBe(2)
})
