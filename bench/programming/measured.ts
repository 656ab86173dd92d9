/**
 * The measured process of the programming benchmark. It does what the proxy does in production and nothing more, and
 * prints what it saw of itself.
 */
import { readFile } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRegistry, type Registry } from '../../src/metrics/registry.ts'
import { keepLittleGarbage, keepNurserySmall } from '../../src/util/small-heap.ts'
import { type DriveInput, drive } from './drive.ts'
import type { ChangeTime, Measured } from './load.ts'

/** The finest that Node.js samples the event loop's delay at, in ms; a sample includes the interval itself. */
const samplingMs = 1

async function measure(input: DriveInput): Promise<Measured> {
  const registry = createRegistry('bench')
  const delay = monitorEventLoopDelay({ resolution: samplingMs })
  const changes: ChangeTime[] = []
  const batches: number[] = []
  let messagesChange = 0
  let rssMib = 0
  let cold = 0
  let coldCpu = 0
  let before: NetlinkCounts | undefined
  let after: NetlinkCounts | undefined
  await drive(input, registry, {
    async cold(commit) {
      before = await netlinkCounts(registry)
      delay.enable()
      await sleep(10 * samplingMs)
      delay.reset()
      const cpuBefore = process.cpuUsage()
      cold = await timed(commit)
      const { user, system } = process.cpuUsage(cpuBefore)
      coldCpu = (user + system) / 1000
      await sleep(2 * samplingMs)
      delay.disable()
      keepLittleGarbage()
      after = await netlinkCounts(registry)
    },
    async change(commit, kind) {
      const ms = await timed(commit)
      if (kind !== undefined) changes.push({ kind, ms })
    },
    async settled() {
      rssMib = process.memoryUsage.rss() / 2 ** 20
    },
    async batch(commit, counted) {
      const took = await timed(commit)
      if (counted) batches.push(took)
    },
    async observe(commit) {
      const { messages } = await netlinkCounts(registry)
      await commit()
      messagesChange = Math.max(messagesChange, (await netlinkCounts(registry)).messages - messages)
    },
  })
  return {
    cold,
    coldCpu,
    changes,
    batches,
    rssMib,
    rssPeakMib: await peakResidentMib(),
    syscallsCold: (after?.syscalls ?? 0) - (before?.syscalls ?? 0),
    messagesCold: (after?.messages ?? 0) - (before?.messages ?? 0),
    messagesChange,
    eventLoopP99: delay.percentile(99) / 1e6 - samplingMs,
    eventLoopMax: delay.max / 1e6 - samplingMs,
  }
}

async function timed(body: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await body()
  return performance.now() - start
}

interface NetlinkCounts {
  readonly syscalls: number
  readonly messages: number
}

/** The proxy's own counters, as a scrape of its metrics sees them. */
async function netlinkCounts(registry: Registry): Promise<NetlinkCounts> {
  return {
    syscalls: await total(registry, 'hawser_netlink_syscalls_total'),
    messages: await total(registry, 'hawser_netlink_messages_total'),
  }
}

async function total(registry: Registry, name: string): Promise<number> {
  const metric = await registry.getSingleMetric(name)?.get()
  if (metric === undefined) throw new Error(`the service proxy has no metric ${name}`)
  return metric.values.reduce((sum, { value }) => sum + value, 0)
}

/** VmHWM of proc_pid_status(5). */
async function peakResidentMib(): Promise<number> {
  const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(await readFile('/proc/self/status', 'utf8')) ?? []
  return Number(kibibytes) / 2 ** 10
}

keepNurserySmall()
process.stdout.write(JSON.stringify(await measure(JSON.parse(process.argv[2] ?? ''))))
