import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { nodeWorkingSet, parseMemoryInfo } from '../../../src/kubelet/host/memory-info.ts'
import { parseMounts } from '../../../src/kubelet/host/mounts.ts'
import { endProcess, findProcesses, isAlive, processOf } from '../../../src/kubelet/host/processes.ts'

test('mounts are read with their types, whatever optional fields and odd names they have', () => {
  const mountinfo = [
    '36 35 98:0 / /mnt1 rw,noatime master:1 - ext4 /dev/root rw',
    '37 35 0:5 / /with\\040space\\134 rw shared:7 master:3 - tmpfs tmpfs rw',
    '38 35 0:6 / /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate',
    '',
  ].join('\n')
  expect(parseMounts(mountinfo)).toEqual([
    { point: '/mnt1', type: 'ext4', options: ['rw'] },
    { point: '/with space\\', type: 'tmpfs', options: ['rw'] },
    { point: '/sys/fs/cgroup', type: 'cgroup2', options: ['rw', 'nsdelegate'] },
  ])
})

test('the working set of a machine is what it cannot give back at once', () => {
  const text =
    'MemTotal:       1000 kB\nMemFree:         200 kB\nInactive(file):  300 kB\nHugePages_Total:   4\n'
  const memory = parseMemoryInfo(text)
  expect(memory.get('HugePages_Total')).toBe(4)
  expect(nodeWorkingSet(memory)).toBe(500 * 1024)
})

test('a process is found by its program and a whole argument, and ended', async () => {
  const mark = `12345678.${process.pid}`
  const child = spawn('sleep', [mark])
  await once(child, 'spawn')
  const [found] = await findProcesses('sleep', mark)
  expect(found?.pid).toBe(child.pid)
  expect(await findProcesses('cat', mark)).toEqual([])
  expect(await findProcesses('sleep', mark.slice(1))).toEqual([])
  if (found === undefined) throw new Error('not found')
  await endProcess(found, 5_000)
  expect(await isAlive(found)).toBe(false)
})

test('a process that ignores SIGTERM is killed after its grace', async () => {
  const child = spawn('sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.05; done'])
  await once(child.stdout, 'data')
  const found = await processOf(child.pid ?? 0)
  if (found === undefined) throw new Error('not found')
  await endProcess(found, 50)
  expect(await isAlive(found)).toBe(false)
})

test('a number that another process has got is not taken for the first', async () => {
  const own = await processOf(process.pid)
  if (own === undefined) throw new Error('not found')
  expect(await isAlive(own)).toBe(true)
  expect(await isAlive({ ...own, startTime: '1' })).toBe(false)
})
