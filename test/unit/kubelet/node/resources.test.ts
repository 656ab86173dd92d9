import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { countCpus, type Machine, readHugePages } from '../../../../src/kubelet/node/machine.ts'
import {
  nodeAllocatable,
  nodeCapacity,
  type ReservedResources,
  resourceList,
} from '../../../../src/kubelet/node/resources.ts'

const Gi = 2 ** 30
const NOTHING: ReservedResources = { cpuMilli: 0, memoryBytes: 0, storageBytes: 0 }

const machine = (changes: Partial<Machine> = {}): Machine => ({
  architecture: 'amd64',
  kernelVersion: '6.12.0',
  osImage: 'Debian',
  machineId: '',
  systemUuid: '',
  bootId: '',
  cpus: 4,
  memoryBytes: 8 * Gi,
  swapBytes: 0,
  storageBytes: 1_000_000,
  hugePages: [],
  ...changes,
})

const allocatable = (changes: Partial<Machine>, reserved: ReservedResources) =>
  resourceList(nodeAllocatable(nodeCapacity(machine(changes), 110), reserved))

test('a node gives away what is not kept free: 100 Mi of memory, a tenth of the disk', () => {
  expect(resourceList(nodeCapacity(machine(), 110))).toEqual({
    cpu: '4',
    memory: '8388608Ki',
    'ephemeral-storage': '1000000',
    pods: '110',
  })
  expect(allocatable({}, NOTHING)).toEqual({
    cpu: '4',
    memory: '8286208Ki',
    'ephemeral-storage': '900000',
    pods: '110',
  })
})

test('what is reserved for the system is not given away, and never less than nothing is', () => {
  expect(allocatable({}, { cpuMilli: 250, memoryBytes: Gi, storageBytes: 400_000 })).toMatchObject({
    cpu: '3750m',
    memory: '7237632Ki',
    'ephemeral-storage': '500000',
  })
  expect(allocatable({}, { cpuMilli: 9_000, memoryBytes: 9 * Gi, storageBytes: 2_000_000 })).toMatchObject({
    cpu: '0',
    memory: '0Ki',
    'ephemeral-storage': '0',
  })
})

test('memory in huge pages is a resource of its own', () => {
  const hugePages = [
    { pageBytes: 2 ** 21, pages: 3 },
    { pageBytes: Gi, pages: 0 },
  ]
  expect(allocatable({ hugePages }, NOTHING)).toMatchObject({
    memory: String(`${(8 * Gi - 100 * 2 ** 20 - 6 * 2 ** 20) / 1024}Ki`),
    'hugepages-2Mi': '6Mi',
    'hugepages-1Gi': '0',
  })
})

test.each([
  ['0', 1],
  ['0-3', 4],
  ['0-1,4,6-7', 5],
  ['', undefined],
  ['all', undefined],
])('CPUs online %j are %s', (list, count) => {
  expect(countCpus(list)).toBe(count)
})

test('sizes of huge pages are those that the kernel has folders for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hw-'))
  try {
    for (const [name, pages] of [
      ['hugepages-1048576kB', '1'],
      ['hugepages-2048kB', '0'],
      ['other', '9'],
    ]) {
      await mkdir(`${folder}/${name}`)
      await writeFile(`${folder}/${name}/nr_hugepages`, `${pages}\n`)
    }
    expect(await readHugePages(folder)).toEqual([
      { pageBytes: 2 ** 21, pages: 0 },
      { pageBytes: Gi, pages: 1 },
    ])
    expect(await readHugePages(`${folder}/none`)).toEqual([])
  } finally {
    await rm(folder, { recursive: true })
  }
})
