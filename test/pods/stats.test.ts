import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CadvisorMetrics } from '../../src/kubelet/stats/cadvisor-metrics.ts'
import { ResourceMetrics } from '../../src/kubelet/stats/resource-metrics.ts'
import { StatsSummary } from '../../src/kubelet/stats/stats-summary.ts'
import { type Usage, UsageReader } from '../../src/kubelet/stats/usage-reader.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { eventually } from '../support/eventually.ts'
import { buildPod, script } from '../support/pod-builder.ts'
import { usePodMachine } from '../support/pod-machine.ts'

const used = usePodMachine()

/** Turns for ever, and holds 20 MB: a shell's variable is anonymous memory. */
const BUSY = [
  'a=0123456789',
  'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21; do a=$a$a; done',
  'echo ready > /tmp/up',
  'while :; do :; done',
].join('; ')

const busy = buildPod('busy', {
  terminationGracePeriodSeconds: 0,
  containers: [
    script('main', BUSY, { limits: { cpuMilli: 500, memoryBytes: undefined } }),
    script('idle', 'sleep 100000'),
  ],
})

let reader: UsageReader
beforeAll(async () => {
  const { kubelet } = used.node
  reader = await UsageReader.open({ snapshot: () => kubelet.snapshot, cgroupRoot: kubelet.cgroupRoot })
  used.node.set(busy)
  await used.node.running(busy)
  await eventually(() => used.node.output(busy, 'cat /tmp/up'), 60_000)
})
afterAll(() => reader?.close())

const usageOf = ({ pods }: Usage, container: string) => {
  const pod = pods.find(({ name }) => name === 'busy')
  const found = pod?.containers.find(({ name }) => name === container)
  return pod === undefined || found === undefined ? undefined : { pod: pod.usage, container: found }
}

test('a container that turns and holds memory is told from one that does not', async () => {
  const first = await eventually(async () => usageOf(await reader.read(), 'main'), 30_000)
  const later = await eventually(async () => {
    const now = usageOf(await reader.read(), 'main')
    const grown = (now?.container.usage.cpuSeconds ?? 0) - first.container.usage.cpuSeconds
    return grown > 0.2 ? now : undefined
  }, 60_000)
  const idle = usageOf(await reader.read(), 'idle')
  if (idle === undefined) throw new Error('the idle container is not there')
  expect(idle.container.usage.cpuSeconds).toBeLessThan(later.container.usage.cpuSeconds)
  expect(later.container.usage.workingSetBytes).toBeGreaterThan(20_000_000)
  expect(idle.container.usage.workingSetBytes).toBeLessThan(20_000_000)
  // The pod is all of its containers.
  expect(later.pod.workingSetBytes).toBeGreaterThanOrEqual(later.container.usage.workingSetBytes)
  expect(later.container.startedAt).toBeLessThanOrEqual(Date.now())
})

test('figures are those that the runtime has', async () => {
  const { containerd } = used.machine
  const id = used.node.kubelet.snapshot?.pods
    .get(busy.uid)
    ?.containers.find(({ name }) => name === 'main')?.id
  if (id === undefined) throw new Error('the container is not there')
  const before = usageOf(await reader.read(), 'main')?.container.usage.cpuSeconds ?? Number.NaN
  const ctr = ['-a', containerd.socket, '-n', 'k8s.io', 'tasks', 'metrics', '--format', 'json', id]
  const answer = execFileSync('ctr', ctr, { encoding: 'utf8' })
  const after = usageOf(await reader.read(), 'main')?.container.usage.cpuSeconds ?? Number.NaN
  // cgroup v1 counts in ns, v2 in µs; both answers have the field first of its name.
  const [, v1] = /"cpu":\s*\{\s*"usage":\s*\{\s*"total":\s*(\d+)/.exec(answer) ?? []
  const [, v2] = /"usage_usec":\s*(\d+)/.exec(answer) ?? []
  const seconds = v1 === undefined ? Number(v2) / 1e6 : Number(v1) / 1e9
  expect(seconds).toBeGreaterThanOrEqual(before)
  expect(seconds).toBeLessThanOrEqual(after)
})

test('the summary tells of node and pod, and how fast CPU time is used from the second look on', async () => {
  const folders = () => ({ nodefs: used.machine.stateDir, imagefs: undefined })
  const stats = new StatsSummary({ nodeName: 'test-node', reader, folders })
  interface Pods {
    readonly pods: readonly { readonly podRef: { readonly name: string }; readonly cpu: object }[]
  }
  expect(await stats.read()).toMatchObject({
    node: {
      nodeName: 'test-node',
      systemContainers: [{ name: 'pods' }],
      memory: { workingSetBytes: expect.any(Number) },
      fs: { capacityBytes: expect.any(Number), usedBytes: expect.any(Number) },
    },
  })
  const pod = await eventually(async () => {
    const { pods } = (await stats.read()) as Pods
    const now = pods.find(({ podRef }) => podRef.name === 'busy')
    return now !== undefined && 'usageNanoCores' in now.cpu ? now : undefined
  }, 60_000)
  expect(pod).toMatchObject({
    podRef: { namespace: 'default', name: 'busy', uid: busy.uid },
    cpu: { usageNanoCores: expect.any(Number) },
    network: { name: 'eth0', interfaces: [{ name: 'eth0', rxBytes: expect.any(Number) }] },
  })
})

test("cAdvisor's metrics have what dashboards sum up: containers by image, networks by pod", async () => {
  const text = await new CadvisorMetrics(reader).render()
  const series = (name: string) =>
    text.split('\n').filter((line) => line.startsWith(`${name}{`) && line.includes('pod="busy"'))
  const cpu = series('container_cpu_usage_seconds_total')
  expect(cpu.filter((line) => line.includes('image="sha256:'))).toHaveLength(2)
  expect(cpu.filter((line) => line.includes('container="",'))).toHaveLength(1)
  expect(series('container_memory_working_set_bytes')).toHaveLength(3)
  expect(series('container_network_receive_bytes_total')).toEqual([
    expect.stringMatching(/interface="eth0"\} \d+ \d{13}$/),
  ])
  const periods = series('container_cpu_cfs_periods_total')
  expect(periods).toEqual([expect.stringContaining('container="main"')])
})

test('the metrics of a scrape name the pod, and are gone with it', async () => {
  const metrics = new ResourceMetrics(() => reader.read(), silentLogger)
  const text = await metrics.render()
  expect(text).toMatch(
    /^container_cpu_usage_seconds_total\{container="main",namespace="default",pod="busy"\} /m,
  )
  expect(text).toMatch(/^pod_memory_working_set_bytes\{namespace="default",pod="busy"\} \d+ \d{13}$/m)
  expect(text).toMatch(/^node_cpu_usage_seconds_total [\d.]+ \d{13}$/m)
  expect(text).toContain('\nresource_scrape_error 0\n')
  const total = Number(/^MemTotal:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024
  const node = Number(/^node_memory_working_set_bytes (\d+)/m.exec(text)?.[1])
  expect(node).toBeGreaterThan(20_000_000)
  expect(node).toBeLessThan(total)
  used.node.unset(busy)
  await used.node.gone(busy)
  expect(await metrics.render()).not.toContain('busy')
})
