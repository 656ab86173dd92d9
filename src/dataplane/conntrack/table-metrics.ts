import { Counter, Gauge } from 'prom-client'
import type { ConntrackCounters, ConntrackSocket, ConntrackStatistics } from '../../native/conntrack.ts'
import type { MetricNames } from './metric-names.ts'

/** What the kernel says of its table as a whole; series stay as they were when it does not answer. */
const COUNTERS = {
  insertFailed: [
    'insert_failures_total',
    'Connections not tracked, since two packets began the same one at once',
  ],
  drop: ['drops_total', 'Packets dropped, since the table is full or there is no memory'],
  earlyDrop: ['early_drops_total', 'Connections forgotten early to make room for new ones'],
  invalid: ['invalid_packets_total', 'Packets that belong to no connection that could be tracked'],
  clashResolve: ['clashes_resolved_total', 'Connections that two packets began at once, and went on as one'],
  chainTooLong: ['chain_too_long_total', 'Connections not tracked, since their hash bucket is too long'],
} as const satisfies Partial<Record<keyof ConntrackCounters, readonly [name: string, help: string]>>

/** Adds the table's metrics: size, limit and the kernel's own counters, asked for once a scrape. */
export function addTableMetrics(names: MetricNames, socket: () => ConntrackSocket | undefined): void {
  const statistics = oncePerScrape(async () => {
    const opened = socket()
    return opened === undefined ? undefined : await opened.statistics().catch(() => undefined)
  })
  new Gauge({
    ...names.own('hawser_conntrack_entries', 'Entries in the table'),
    async collect() {
      const now = await statistics()
      if (now !== undefined) this.set(now.entries)
    },
  })
  new Gauge({
    ...names.own('hawser_conntrack_entries_limit', 'Entries that the table may have (nf_conntrack_max)'),
    async collect() {
      const now = await statistics()
      if (now !== undefined) this.set(now.limit)
    },
  })
  for (const [counter, [name, help]] of Object.entries(COUNTERS)) {
    const key = counter as keyof typeof COUNTERS
    new Counter({
      ...names.own(`hawser_conntrack_${name}`, help),
      async collect() {
        const now = await statistics()
        if (now === undefined) return
        this.reset()
        this.inc(now.total[key])
      },
    })
  }
}

/** All who ask before the answer is there share it: a scrape collects its metrics within one turn. */
function oncePerScrape(
  ask: () => Promise<ConntrackStatistics | undefined>,
): () => Promise<ConntrackStatistics | undefined> {
  let asking: Promise<ConntrackStatistics | undefined> | undefined
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
}
