import { setTimeout as sleep } from 'node:timers/promises'
import { BenchError } from '../error.ts'
import type { Teardown } from '../teardown.ts'
import { type ChangeTimes, now, Observer } from './observer.ts'
import { cpuMs, residentMib } from './process-usage.ts'

/** A proxy that runs as a process of its own. */
export interface RunningProxy {
  readonly pid: number
  /** Settles when the process ends, whatever ends it, with what there is to say about that. */
  readonly ended: Promise<string>
  stop(): Promise<void>
}

export interface Load {
  /** Counted changes, and those before them that are not. */
  readonly changes: number
  readonly warmUp: number
  /** Before each change: a proxy with a least time between two syncs must not be kept waiting by the one before. */
  readonly pauseMs: number
  readonly idleSeconds: number
  readonly startLimitMs: number
}

/** What one proxy took; times in ms. */
export interface Measured {
  readonly start: number
  readonly startCpu: number
  readonly changes: readonly ChangeTimes[]
  /** Processor time of all its threads and children, less what it takes when nothing changes. */
  readonly cpuPerChange: number
  /** Of one core, while nothing changes. */
  readonly idleShare: number
  readonly rssMib: number
}

/** Starts a proxy in a namespace that has an API server's objects before it, and follows it through the load. */
export async function measure(
  place: { readonly netns: string; readonly kubeconfig: string },
  startProxy: () => RunningProxy | Promise<RunningProxy>,
  load: Load,
  teardown: Teardown,
): Promise<Measured> {
  const observer = await Observer.start(place.netns, { kubeconfig: place.kubeconfig }, teardown)
  const began = now()
  const proxy = await startProxy()
  const undoProxy = teardown.add(() => proxy.stop())
  const died = proxy.ended.then((how) => {
    throw new BenchError('BENCH_FAILED', `a measured proxy ended: ${how}`)
  })
  const measured = await Promise.race([follow(proxy, began, observer, load), died])
  died.catch(() => undefined)
  await observer.stop()
  await undoProxy()
  return measured
}

async function follow(proxy: RunningProxy, began: number, observer: Observer, load: Load): Promise<Measured> {
  const start = (await observer.whenInSync(load.startLimitMs)) - began
  const startCpu = await cpuMs(proxy.pid)
  await observer.changes(2 * Math.ceil(load.warmUp / 2), load.pauseMs)
  const idle = await over(proxy.pid, () => sleep(load.idleSeconds * 1000))
  let times: readonly ChangeTimes[] = []
  const busy = await over(proxy.pid, async () => {
    times = await observer.changes(load.changes, load.pauseMs)
  })
  const rssMib = await residentMib(proxy.pid)
  const idleShare = idle.cpu / idle.wall
  return {
    start,
    startCpu,
    changes: times,
    cpuPerChange: Math.max(0, busy.cpu - idleShare * busy.wall) / times.length,
    idleShare,
    rssMib,
  }
}

async function over(pid: number, act: () => Promise<void>): Promise<{ cpu: number; wall: number }> {
  const [cpuBefore, wallBefore] = [await cpuMs(pid), now()]
  await act()
  return { cpu: (await cpuMs(pid)) - cpuBefore, wall: now() - wallBefore }
}
