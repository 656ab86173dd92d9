import { readFile } from 'node:fs/promises'

/** /proc/meminfo: bytes by name (proc_meminfo(5)). */
export type MemoryInfo = ReadonlyMap<string, number>

export async function readMemoryInfo(): Promise<MemoryInfo> {
  return parseMemoryInfo(await readFile('/proc/meminfo', 'utf8'))
}

/** Its lines are `Name:  number kB`, where kB is 1024 bytes. */
export const parseMemoryInfo = (text: string): MemoryInfo =>
  new Map(
    [...text.matchAll(/^(\S+):\s+(\d+)(?: (kB))?$/gm)].map(([, name = '', amount, unit]) => [
      name,
      Number(amount) * (unit === undefined ? 1 : 1024),
    ]),
  )

/** 0 for what this kernel does not count. */
export const amountIn = (memory: MemoryInfo, name: string): number => memory.get(name) ?? 0

/**
 * What the machine uses and cannot give back at once, in bytes. Everything that is not free but for files that nobody has
 * read for a while: the working set of the root cgroup as cAdvisor has it, which `memory.available` and the metric
 * `node_memory_working_set_bytes` are made of.
 */
export const nodeWorkingSet = (memory: MemoryInfo): number =>
  Math.max(0, amountIn(memory, 'MemTotal') - amountIn(memory, 'MemFree') - amountIn(memory, 'Inactive(file)'))
