import type { HugePages, Machine } from './machine.ts'

/** What pods can be told to have of a node. */
export interface NodeResources {
  readonly cpuMilli: number
  readonly memoryBytes: number
  readonly storageBytes: number
  readonly pods: number
  readonly hugePages: readonly HugePages[]
}

/** Kept back from pods (--system-reserved and --kube-reserved together). */
export type ReservedResources = Pick<NodeResources, 'cpuMilli' | 'memoryBytes' | 'storageBytes'>

/** Memory that is kept free (evictionHard, memory.available). */
export const MEMORY_KEPT_BYTES = 100 * 2 ** 20
/** Share of the disk that is kept free (evictionHard, nodefs.available). */
export const STORAGE_KEPT_SHARE = 0.1

export const nodeCapacity = (machine: Machine, maxPods: number): NodeResources => ({
  cpuMilli: machine.cpus * 1000,
  memoryBytes: machine.memoryBytes,
  storageBytes: machine.storageBytes,
  pods: maxPods,
  hugePages: machine.hugePages,
})

/**
 * What the scheduler may give away: capacity without what is reserved and what is kept free. Huge pages are memory that
 * nothing else can have.
 */
export function nodeAllocatable(capacity: NodeResources, reserved: ReservedResources): NodeResources {
  const huge = capacity.hugePages.reduce((sum, { pageBytes, pages }) => sum + pageBytes * pages, 0)
  const { cpuMilli, memoryBytes, storageBytes } = capacity
  const kept = Math.floor(storageBytes * STORAGE_KEPT_SHARE)
  return {
    ...capacity,
    cpuMilli: Math.max(0, cpuMilli - reserved.cpuMilli),
    memoryBytes: Math.max(0, memoryBytes - reserved.memoryBytes - MEMORY_KEPT_BYTES - huge),
    storageBytes: Math.max(0, storageBytes - reserved.storageBytes - kept),
  }
}

/** As core/v1 ResourceList. */
export function resourceList(resources: NodeResources): Readonly<Record<string, string>> {
  const { cpuMilli, memoryBytes, storageBytes, pods, hugePages } = resources
  return {
    cpu: cpuMilli % 1000 === 0 ? String(cpuMilli / 1000) : `${cpuMilli}m`,
    memory: `${Math.floor(memoryBytes / 1024)}Ki`,
    'ephemeral-storage': String(storageBytes),
    pods: String(pods),
    ...Object.fromEntries(
      hugePages.map(({ pageBytes, pages }) => [
        `${HUGE_PAGES}${binarySize(pageBytes)}`,
        pages === 0 ? '0' : binarySize(pageBytes * pages),
      ]),
    ),
  }
}

/** What the names of huge pages' resources begin with. */
export const HUGE_PAGES = 'hugepages-'

/** Whole bytes with the largest suffix that leaves no fraction: part of the resource's name (`hugepages-2Mi`). */
function binarySize(bytes: number): string {
  const suffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti']
  let [size, step] = [bytes, 0]
  while (size >= 1024 && size % 1024 === 0 && step < suffixes.length - 1) {
    size /= 1024
    step += 1
  }
  return `${size}${suffixes[step]}`
}
