import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ContainerRecord, SandboxRecord } from '../../../../src/kubelet/runtime/records.ts'
import { CgroupReader } from '../../../../src/kubelet/stats/cgroup-reader.ts'
import { UsageReader } from '../../../../src/kubelet/stats/usage-reader.ts'
import { objectName } from '../../../../src/model/object-name.ts'

const UID = '12345678-aaaa-bbbb-cccc-123456789012'

let root: string
let reader: CgroupReader
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hw-'))
  reader = new CgroupReader(
    { memory: { version: 2, root }, cpu: { version: 2, root }, quota: undefined, io: undefined },
    false,
  )
})
afterEach(async () => {
  reader.close()
  await rm(root, { recursive: true })
})

async function cgroup(path: string, cpuSeconds: number, pids: readonly number[] = []): Promise<void> {
  await mkdir(join(root, path), { recursive: true })
  await writeFile(join(root, path, 'cpu.stat'), `usage_usec ${cpuSeconds * 1e6}\n`)
  await writeFile(join(root, path, 'memory.current'), '4096\n')
  await writeFile(join(root, path, 'memory.stat'), 'anon 0\ninactive_file 0\n')
  await writeFile(join(root, path, 'cgroup.procs'), pids.map((pid) => `${pid}\n`).join(''))
}

const sandbox = (id: string, ready: boolean): SandboxRecord => ({
  ...{ id, ready, podUid: UID, attempt: 0, createdAt: 0, ips: [], graceSeconds: 30, isStatic: false },
  pod: objectName('default', 'web'),
})

const container = (id: string, sandboxId: string, state: ContainerRecord['state']): ContainerRecord => ({
  ...{ id, sandboxId, state, podUid: UID, name: id, attempt: 0, createdAt: 0, startedAt: 1, finishedAt: 0 },
  ...{ exitCode: 0, reason: '', message: '', imageId: '', restartDelayMs: 0 },
})

const usageOf = (sandboxes: readonly SandboxRecord[], containers: readonly ContainerRecord[]) => {
  const snapshot = { sequence: 0, pods: new Map([[UID, { sandboxes, containers }]]) }
  return new UsageReader({ snapshot: () => snapshot, cgroupRoot: '/hawser/x', reader })
}

test.each([
  ['our own', `/hawser/x/pod${UID}`, (id: string) => id],
  ["upstream's kubelet's", `/kubepods/besteffort/pod${UID}`, (id: string) => id],
  [
    "upstream's kubelet's with systemd",
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID.replaceAll('-', '_')}.slice`,
    (id: string) => `cri-containerd-${id}.scope`,
  ],
])('cgroups of pods are found where they are: %s', async (_, path, nameOf) => {
  await cgroup(path, 3)
  await cgroup(`${path}/${nameOf('sandbox')}`, 0, [7])
  await cgroup(`${path}/${nameOf('main')}`, 2, [8, 9])
  const usage = usageOf([sandbox('sandbox', true)], [container('main', 'sandbox', 'running')])
  const [pod] = (await usage.read()).pods
  expect(pod?.usage.cpuSeconds).toBe(3)
  expect(pod?.containers.map(({ name, usage }) => [name, usage.cpuSeconds])).toEqual([['main', 2]])
  expect(pod === undefined ? [] : usage.processesOf(pod)).toEqual([7, 8, 9])
})

test('only what runs in the sandbox of now has figures', async () => {
  const path = `/hawser/x/pod${UID}`
  for (const name of ['', '/old', '/done', '/main']) await cgroup(`${path}${name}`, 1)
  const usage = usageOf(
    [sandbox('second', true), sandbox('first', false)],
    [
      container('main', 'second', 'running'),
      container('done', 'second', 'exited'),
      container('old', 'first', 'running'),
    ],
  )
  const { pods } = await usage.read()
  expect(pods.map(({ containers }) => containers.map(({ id }) => id))).toEqual([['main']])
})

test('a pod without a sandbox or cgroups has none', async () => {
  expect((await usageOf([sandbox('first', false)], []).read()).pods).toEqual([])
  expect((await usageOf([sandbox('first', true)], []).read()).pods).toEqual([])
})
