import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type CgroupLayout, cgroupLayout } from '../../../../src/kubelet/stats/cgroup-layout.ts'
import { CgroupReader } from '../../../../src/kubelet/stats/cgroup-reader.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hw-'))
})
afterEach(() => rm(root, { recursive: true }))

/** Files as a kernel has them, abridged. */
async function record(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, dirname(path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
}

const unified = (): CgroupLayout => {
  const hierarchy = { version: 2, root } as const
  return { memory: hierarchy, cpu: hierarchy, quota: hierarchy, io: hierarchy }
}

const separate = (): CgroupLayout => {
  const hierarchy = (controller: string) => ({ version: 1, root: `${root}/${controller}` }) as const
  return {
    memory: hierarchy('memory'),
    cpu: hierarchy('cpuacct'),
    quota: hierarchy('cpu'),
    io: hierarchy('blkio'),
  }
}

const v2 = (mount = '/sys/fs/cgroup') => `30 20 0:26 / ${mount} rw shared:4 - cgroup2 cgroup2 rw,nsdelegate`
const v1 = (mount: string, controllers: string) =>
  `31 20 0:27 / ${mount} rw - cgroup cgroup rw,${controllers}`

test.each([
  ['v2 alone', [v2()], { memory: 2, cpu: 2 }],
  [
    'v1 with a v2 that has no controllers beside it',
    [v1('/c/memory', 'memory'), v1('/c/cpu,cpuacct', 'cpu,cpuacct'), v2('/c/unified')],
    { memory: 1, cpu: 1 },
  ],
  ['memory in v1, CPU in v2', [v1('/c/memory', 'memory'), v2('/c/unified')], { memory: 1, cpu: 2 }],
])('%s', (_, mounts, versions) => {
  const { memory, cpu } = cgroupLayout(mounts.join('\n'))
  expect({ memory: memory.version, cpu: cpu.version }).toEqual(versions)
})

test('a machine that counts nothing is named so', () => {
  expect(() => cgroupLayout('20 1 8:1 / / rw - ext4 /dev/sda1 rw')).toThrow(
    expect.objectContaining({ code: 'CGROUPS_MISSING' }),
  )
})

test('a cgroup of v2', async () => {
  await record({
    'pod1/memory.current': '52428800\n',
    'pod1/memory.stat':
      'anon 20971520\nfile 31457280\nkernel 524288\nzswapped 0\ninactive_anon 20971520\nactive_anon 4096\ninactive_file 10485760\nactive_file 20971520\npgfault 1234\npgmajfault 5\n',
    'pod1/cpu.stat':
      'usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\nnr_periods 0\nnr_throttled 0\n',
    'pod1/memory.swap.current': '8192\n',
  })
  const reader = new CgroupReader(unified(), true)
  expect(reader.read('/pod1')).toEqual({
    at: expect.any(Number),
    cpuSeconds: 1.5,
    memoryBytes: 52_428_800,
    workingSetBytes: 41_943_040,
    rssBytes: 20_971_520,
    cacheBytes: 31_457_280,
    pageFaults: 1_234,
    majorPageFaults: 5,
    swapBytes: 8_192,
  })
  expect(reader.read('/pod2')).toBeUndefined()
  reader.close()
})

test('a cgroup of v1 counts with what is below it', async () => {
  await record({
    'memory/pod1/memory.usage_in_bytes': '52428800\n',
    'memory/pod1/memory.memsw.usage_in_bytes': '52436992\n',
    'memory/pod1/memory.stat':
      'cache 0\nrss 0\ninactive_file 0\npgfault 3\nhierarchical_memory_limit 9223372036854771712\ntotal_cache 31457280\ntotal_rss 20971520\ntotal_rss_huge 0\ntotal_pgfault 1234\ntotal_pgmajfault 5\ntotal_inactive_file 10485760\n',
    'cpuacct/pod1/cpuacct.usage': '1500000000\n',
  })
  const layout = separate()
  const expected = {
    at: expect.any(Number),
    cpuSeconds: 1.5,
    memoryBytes: 52_428_800,
    workingSetBytes: 41_943_040,
    rssBytes: 20_971_520,
    cacheBytes: 31_457_280,
    pageFaults: 1_234,
    majorPageFaults: 5,
  }
  const reader = new CgroupReader(layout, true)
  expect(reader.read('/pod1')).toEqual({ ...expected, swapBytes: 8_192 })
  reader.close()
  const without = new CgroupReader(layout, false)
  expect(without.read('/pod1')).toEqual({ ...expected, swapBytes: 0 })
  without.close()
})

test('quotas and block devices in v2', async () => {
  await record({
    'pod1/cpu.stat': 'usage_usec 1500000\nnr_periods 20\nnr_throttled 7\nthrottled_usec 250000\n',
    'pod1/io.stat': '8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n259:3 \n',
  })
  const reader = new CgroupReader(unified(), false)
  expect(reader.throttling('/pod1')).toEqual({ periods: 20, throttledPeriods: 7, throttledSeconds: 0.25 })
  expect(reader.activity('/pod1')).toMatchObject([
    { device: '8:0', readBytes: 4_096, writtenBytes: 8_192, reads: 1, writes: 2 },
    { device: '259:3', readBytes: 0, writes: 0 },
  ])
  expect([reader.throttling('/pod2'), reader.activity('/pod2')]).toEqual([undefined, []])
  reader.close()
})

test('quotas and block devices in v1', async () => {
  await record({
    'cpu/pod1/cpu.stat': 'nr_periods 20\nnr_throttled 7\nthrottled_time 250000000\n',
    'blkio/pod1/blkio.throttle.io_service_bytes_recursive':
      '8:0 Read 4096\n8:0 Write 8192\n8:0 Sync 0\n8:0 Total 12288\nTotal 12288\n',
    'blkio/pod1/blkio.throttle.io_serviced_recursive': '8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3\n',
  })
  const reader = new CgroupReader(separate(), false)
  expect(reader.throttling('/pod1')).toEqual({ periods: 20, throttledPeriods: 7, throttledSeconds: 0.25 })
  expect(reader.activity('/pod1')).toEqual([
    { device: '8:0', readBytes: 4_096, writtenBytes: 8_192, reads: 1, writes: 2 },
  ])
  reader.close()
})

test('figures are of the moment they are asked for, and a new cgroup of an old name is another one', async () => {
  const reader = new CgroupReader(unified(), false)
  await record({ 'pod1/cpu.stat': 'usage_usec 1000000\n' })
  expect(reader.cpuSeconds('/pod1')).toBe(1)
  await record({ 'pod1/cpu.stat': 'usage_usec 2000000\n' })
  expect(reader.cpuSeconds('/pod1')).toBe(2)
  await rm(join(root, 'pod1'), { recursive: true })
  // Read in this round, then not in the next: it is let go.
  reader.sweep()
  reader.sweep()
  expect(reader.cpuSeconds('/pod1')).toBeUndefined()
  await record({ 'pod1/cpu.stat': 'usage_usec 7000000\n' })
  expect(reader.cpuSeconds('/pod1')).toBe(7)
  reader.close()
})
