import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** A process by number and start time (clock ticks since boot), so that a reused number is never taken for it. */
export interface ProcessId {
  readonly pid: number
  readonly startTime: string
}

/** Processes whose program is called `program` and whose arguments hold `argument` as one of them. */
export async function findProcesses(program: string, argument: string): Promise<readonly ProcessId[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [name = '', ...args] = (await readProc(pid, 'cmdline')).split('\0')
      if (!args.includes(argument) || name.slice(name.lastIndexOf('/') + 1) !== program) return undefined
      return processOf(pid)
    }),
  )
  return found.filter((process) => process !== undefined)
}

/** The process of that number, or undefined when there is none or only its zombie. */
export async function processOf(pid: number): Promise<ProcessId | undefined> {
  const stat = await readProc(pid, 'stat')
  // Fields 3 (state) and 22 (starttime) of proc_pid_stat(5); field 2, the name, may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, startTime] = [fields[0], fields[19]]
  if (startTime === undefined || state === 'Z' || state === 'X') return undefined
  return { pid, startTime }
}

export async function isAlive(process: ProcessId): Promise<boolean> {
  return (await processOf(process.pid))?.startTime === process.startTime
}

/** Sends SIGTERM, `graceMs` later SIGKILL; resolves when the process is gone. Harmless when it already is. */
export async function endProcess(target: ProcessId, graceMs: number): Promise<void> {
  if (!(await isAlive(target))) return
  signal(target.pid, 'SIGTERM')
  const deadline = Date.now() + graceMs
  let killed = false
  while (await isAlive(target)) {
    if (!killed && Date.now() >= deadline) {
      signal(target.pid, 'SIGKILL')
      killed = true
    }
    // It need not be a child of ours, so nothing tells us when it has gone.
    await sleep(10)
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // Gone in between: what was wanted.
  }
}

/** A file of /proc/PID; empty when the process is gone. */
async function readProc(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')
}
