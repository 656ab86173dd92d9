import { type DeviceActivity, readActivity, readThrottling, type Throttling } from './cgroup-activity.ts'
import type { CgroupLayout } from './cgroup-layout.ts'
import { KeptFiles } from './kept-files.ts'

/** What a cgroup and all below it has used and uses. */
export interface CgroupUsage {
  /** ms since the epoch. */
  readonly at: number
  readonly cpuSeconds: number
  readonly memoryBytes: number
  /** Without what could be given back at once: files that nobody has read for a while. */
  readonly workingSetBytes: number
  /** Anonymous memory. */
  readonly rssBytes: number
  /** Of files. */
  readonly cacheBytes: number
  readonly pageFaults: number
  readonly majorPageFaults: number
  readonly swapBytes: number
}

/** Names within memory.stat. v1 counts what is below a cgroup under names of its own. */
const MEMORY_STAT = {
  1: {
    inactive: 'total_inactive_file',
    rss: 'total_rss',
    cache: 'total_cache',
    faults: 'total_pgfault',
    majorFaults: 'total_pgmajfault',
  },
  2: { inactive: 'inactive_file', rss: 'anon', cache: 'file', faults: 'pgfault', majorFaults: 'pgmajfault' },
} as const

/** Reads cgroups of v1 and v2 (Documentation/admin-guide/cgroup-v1/memory.rst, cpuacct.rst; cgroup-v2.rst). */
export class CgroupReader {
  readonly #layout: CgroupLayout
  readonly #hasSwap: boolean
  readonly #files = new KeptFiles()

  /** Without swap on the machine, nobody uses any. */
  constructor(layout: CgroupLayout, hasSwap: boolean) {
    this.#layout = layout
    this.#hasSwap = hasSwap
  }

  /** `path` is absolute within each hierarchy. Undefined when there is no such cgroup. */
  read(path: string): CgroupUsage | undefined {
    const cpuSeconds = this.cpuSeconds(path)
    const { version, root } = this.#layout.memory
    const folder = `${root}${path}`
    const usage = this.#files.read(`${folder}/${version === 1 ? 'memory.usage_in_bytes' : 'memory.current'}`)
    const stat = this.#files.read(`${folder}/memory.stat`)
    if (cpuSeconds === undefined || usage === undefined || stat === undefined) return undefined
    const names = MEMORY_STAT[version]
    const memoryBytes = Number(usage)
    return {
      at: Date.now(),
      cpuSeconds,
      memoryBytes,
      workingSetBytes: Math.max(0, memoryBytes - statOf(stat, names.inactive)),
      rssBytes: statOf(stat, names.rss),
      cacheBytes: statOf(stat, names.cache),
      pageFaults: statOf(stat, names.faults),
      majorPageFaults: statOf(stat, names.majorFaults),
      swapBytes: this.#hasSwap ? this.#swap(folder, version, memoryBytes) : 0,
    }
  }

  cpuSeconds(path: string): number | undefined {
    const { version, root } = this.#layout.cpu
    if (version === 1) {
      const nanoseconds = this.#files.read(`${root}${path}/cpuacct.usage`)
      return nanoseconds === undefined ? undefined : Number(nanoseconds) / 1e9
    }
    const stat = this.#files.read(`${root}${path}/cpu.stat`)
    return stat === undefined ? undefined : statOf(stat, 'usage_usec') / 1e6
  }

  throttling(path: string): Throttling | undefined {
    return readThrottling(this.#files, this.#layout, path)
  }

  activity(path: string): readonly DeviceActivity[] {
    return readActivity(this.#files, this.#layout, path)
  }

  /** IDs of the processes in the cgroup itself, the first one first; none when there is no such cgroup. */
  processes(path: string): readonly number[] {
    const lines = this.#files.read(`${this.#layout.memory.root}${path}/cgroup.procs`) ?? ''
    return lines.split('\n').filter(Boolean).map(Number)
  }

  /** What is not read between two calls is not kept open. */
  sweep(): void {
    this.#files.sweep()
  }

  close(): void {
    this.#files.close()
  }

  /** v1 counts memory and swap together, and only when the kernel was told to. */
  #swap(folder: string, version: 1 | 2, memoryBytes: number): number {
    if (version === 2) return Number(this.#files.read(`${folder}/memory.swap.current`) ?? 0)
    const both = this.#files.read(`${folder}/memory.memsw.usage_in_bytes`)
    return both === undefined ? 0 : Math.max(0, Number(both) - memoryBytes)
  }
}

/** Longer than any number of 64 bits. */
const MAX_DIGITS = 21

/** A number out of lines `name number`; 0 when the name is none of them. */
function statOf(text: string, name: string): number {
  const prefix = `${name} `
  const start = text.startsWith(prefix) ? 0 : text.indexOf(`\n${prefix}`) + 1
  if (!text.startsWith(prefix, start)) return 0
  const from = start + prefix.length
  return Number.parseInt(text.slice(from, from + MAX_DIGITS), 10)
}
