import { ConntrackSocket } from '../../src/native/conntrack.ts'
import { ConntrackEvents, FLOW_ROW_WIDTH } from '../../src/native/conntrack-events.ts'
import { BenchError } from '../error.ts'
import { percentile } from '../statistics.ts'
import type { Teardown } from '../teardown.ts'
import { timeConntrackL } from './conntrack-tool.ts'
import type { Generator } from './generator.ts'
import { goneService, tableOf } from './services.ts'

export interface TableTimes {
  /** Medians in milliseconds. */
  readonly dump: number
  /** The kernel's part of it: the same dump, received and not read. */
  readonly floor: number
  readonly conntrackL: number
  readonly delete: number
  readonly sweep: number
}

const SNAPSHOTS = 200

/** A full table, read into counters and by conntrack -L in turns, and rid of one Service's flows, a twentieth, in both ways. */
export async function measureTables(
  generator: Generator,
  options: {
    readonly netns: string
    readonly entries: number
    readonly services: number
    readonly rounds: number
  },
  teardown: Teardown,
): Promise<TableTimes> {
  const { netns, entries, services, rounds } = options
  const times = { dump: [], floor: [], conntrackL: [], delete: [], sweep: [] } as Record<
    keyof TableTimes,
    number[]
  >
  const events = await ConntrackEvents.open({ netns, engine: 'thread' })
  const socket = await ConntrackSocket.open({ netns })
  try {
    await events.setTable(tableOf(services))
    for (let round = 0; round < rounds; round++) {
      await generator.insert(entries, services)
      await settledEvents(events)
      times.dump.push(await timed(() => events.resync()))
      times.floor.push(await generator.dump())
      times.conntrackL.push(await timeConntrackL(netns, teardown))
      times.delete.push(await timed(() => socket.deleteFiltered(goneService)))
      const left = await socket.count()
      await generator.flush()
      await generator.insert(entries, services)
      const swept = await generator.sweep(entries, 1, services)
      times.sweep.push(swept.ms)
      await generator.flush()
      if (entries - left !== swept.deleted)
        throw new BenchError(
          'BENCH_FAILED',
          `${entries - left} stale flows were deleted by a filter, ${swept.deleted} one by one`,
        )
    }
  } finally {
    await socket.close()
    await events.close()
  }
  const median = (samples: readonly number[]): number => percentile(samples, 0.5)
  return {
    dump: median(times.dump),
    floor: median(times.floor),
    conntrackL: median(times.conntrackL),
    delete: median(times.delete),
    sweep: median(times.sweep),
  }
}

/** Median milliseconds to read the counters of `services` Services into JavaScript's memory. */
export async function measureSnapshot(netns: string, services: number): Promise<number> {
  const events = await ConntrackEvents.open({ netns })
  try {
    await events.setTable(tableOf(services))
    const into = new Float64Array(services * FLOW_ROW_WIDTH)
    const samples = Array.from({ length: SNAPSHOTS }, () => {
      const began = performance.now()
      events.readFrontends(into)
      return performance.now() - began
    })
    return percentile(samples, 0.5)
  } finally {
    await events.close()
  }
}

/** A dump beside unread events would be measured with them. */
async function settledEvents(events: ConntrackEvents): Promise<void> {
  let before = -1
  for (let drains = events.status().drains; drains !== before; drains = events.status().drains) {
    before = drains
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await action()
  return performance.now() - began
}
