import { readdir, readFile, statfs } from 'node:fs/promises'
import { arch, availableParallelism, release } from 'node:os'
import { amountIn, readMemoryInfo } from '../host/memory-info.ts'

/** What a machine says of itself, for `status.nodeInfo` and `status.capacity` of its Node. */
export interface Machine {
  /** As Go and images name it. */
  readonly architecture: string
  readonly kernelVersion: string
  readonly osImage: string
  /** Empty where the machine has none. */
  readonly machineId: string
  readonly systemUuid: string
  readonly bootId: string
  readonly cpus: number
  readonly memoryBytes: number
  /** 0 without swap. */
  readonly swapBytes: number
  /** Size of the file system that pods' logs and emptyDir volumes lie on. */
  readonly storageBytes: number
  readonly hugePages: readonly HugePages[]
}

/** Pages set aside in advance. A size that the kernel offers counts with none of them, too: a cluster asks for both. */
export interface HugePages {
  readonly pageBytes: number
  readonly pages: number
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' }

/**
 * Reads it; `stateDir` is where pods' files are kept. What the kernel or the system does not say is empty: a container
 * often has no DMI, nor systemd's files.
 */
export async function readMachine(stateDir: string): Promise<Machine> {
  const [machineId, systemUuid, bootId, osRelease, cpus, memory, storage, hugePages] = await Promise.all([
    firstLine('/etc/machine-id'),
    firstLine('/sys/class/dmi/id/product_uuid'),
    firstLine('/proc/sys/kernel/random/boot_id'),
    readFile('/etc/os-release', 'utf8').catch(() => ''),
    firstLine('/sys/devices/system/cpu/online'),
    readMemoryInfo(),
    statfs(stateDir),
    readHugePages('/sys/kernel/mm/hugepages'),
  ])
  return {
    architecture: ARCHITECTURES[arch()] ?? arch(),
    kernelVersion: release(),
    osImage: prettyName(osRelease),
    machineId,
    // As upstream's kubelet has it where there is no DMI (cadvisor's GetSystemUUID): the Node is told by both.
    systemUuid: systemUuid === '' ? machineId : systemUuid,
    bootId,
    // The machine's, not those that this process may use: its own affinity is no concern of pods.
    cpus: countCpus(cpus) ?? availableParallelism(),
    memoryBytes: amountIn(memory, 'MemTotal'),
    swapBytes: amountIn(memory, 'SwapTotal'),
    storageBytes: storage.blocks * storage.bsize,
    hugePages,
  }
}

const firstLine = async (path: string): Promise<string> =>
  (await readFile(path, 'utf8').catch(() => '')).split('\n', 1)[0]?.trim() ?? ''

/** `PRETTY_NAME` of os-release(5), whose values are quoted as a shell would have them. */
export const prettyName = (osRelease: string): string =>
  /^PRETTY_NAME=(["']?)(.*)\1$/m.exec(osRelease)?.[2]?.replace(/\\(.)/g, '$1') ?? ''

/** How many a list of CPUs has (`0-3,6`; Documentation/admin-guide/cputopology.rst); undefined when it is none. */
export function countCpus(list: string): number | undefined {
  let count = 0
  for (const range of list.split(',')) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? []
    if (first === undefined) return undefined
    count += Number(last) - Number(first) + 1
  }
  return count
}

/** Folders `hugepages-2048kB`, each with how many there are (Documentation/admin-guide/mm/hugetlbpage.rst). */
export async function readHugePages(folder: string): Promise<readonly HugePages[]> {
  const names = await readdir(folder).catch(() => [])
  const found = await Promise.all(
    names.map(async (name) => {
      const [, kilobytes] = /^hugepages-(\d+)kB$/.exec(name) ?? []
      const pages = Number(await firstLine(`${folder}/${name}/nr_hugepages`))
      return kilobytes === undefined ? [] : [{ pageBytes: Number(kilobytes) * 1024, pages }]
    }),
  )
  return found.flat().sort((a, b) => a.pageBytes - b.pageBytes)
}
