import { readdir, readFile } from 'node:fs/promises'

/** USER_HZ, in which proc_pid_stat(5) counts; fixed on every architecture that Node.js runs on. */
const TICKS_PER_SECOND = 100

/**
 * Processor time of a process and of the children that it has waited for, in ms. Its own threads are counted in
 * nanoseconds, children in ticks of 10 ms.
 */
export async function cpuMs(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`)
  const own = await Promise.all(
    threads.map(async (thread) => {
      const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0')
      return Number(text.split(' ')[0]) / 1e6
    }),
  )
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  return own.reduce((sum, ms) => sum + ms, 0) + childrenMs(stat)
}

/** Fields 16 and 17, cutime and cstime; the second field may hold spaces and ends at the last parenthesis. */
export function childrenMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[13]) + Number(fields[14])) * 1000) / TICKS_PER_SECOND
}

/** Resident memory now, in MiB. */
export async function residentMib(pid: number): Promise<number> {
  const [, kibibytes] = /^VmRSS:\s*(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) / 2 ** 10
}
