import { ConntrackEvents, type EngineStatus, NetlinkError } from '../../src/native/conntrack-events.ts'
import { BenchError } from '../error.ts'
import type { Generator } from './generator.ts'
import { tableOf } from './services.ts'

export interface EventRates {
  /** The fastest generation of which no event was lost, and what share of a core reading it took. */
  readonly perSecondWithoutLoss: number
  readonly readerShare: number
  /** Processor time of the reading thread for each of these events, in microseconds. */
  readonly readerMicroseconds: number
  /** Events made, counted and dropped over all attempts: the first is the sum of the others. */
  readonly made: number
  readonly counted: number
  readonly dropped: number
}

/** How often a rate that lost events is followed by one a quarter slower. */
const ATTEMPTS = 8
const SETTLE_MS = 10_000

/** Finds the fastest rate without loss, from as fast as the generator can downwards. */
export async function measureEvents(
  generator: Generator,
  options: {
    readonly netns: string
    readonly services: number
    readonly seconds: number
    readonly bufferBytes: number
    /** Who counts; the thread that events are delivered to when absent. */
    readonly engine?: 'thread' | 'ebpf'
  },
): Promise<EventRates> {
  const { netns, services, seconds, bufferBytes, engine = 'thread' } = options
  const events = await ConntrackEvents.open({ netns, bufferBytes, engine })
  try {
    await events.setTable(tableOf(services))
    let rate = 0
    let made = 0
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const before = events.status()
      const churned = await generator.churn(rate, seconds, services)
      made += churned.events
      const after = await settled(events, made)
      const nanoseconds = after.readerNanoseconds - before.readerNanoseconds
      if (after.droppedEvents === before.droppedEvents)
        return {
          perSecondWithoutLoss: churned.perSecond,
          readerShare: nanoseconds / 1e9 / seconds,
          readerMicroseconds: nanoseconds / 1000 / churned.events,
          made,
          counted: after.openEvents + after.closeEvents,
          dropped: after.droppedEvents,
        }
      rate = Math.round(churned.perSecond * 0.75)
    }
    throw new BenchError('BENCH_FAILED', `events were lost at every rate down to ${rate}/s`)
  } finally {
    await events.close()
  }
}

/** The same, counted by an eBPF program; undefined where the kernel or its permissions have none. */
export async function measureInKernel(
  generator: Generator,
  options: Omit<Parameters<typeof measureEvents>[1], 'engine'>,
): Promise<EventRates | undefined> {
  try {
    return await measureEvents(generator, { ...options, engine: 'ebpf' })
  } catch (error) {
    if (error instanceof NetlinkError && error.code === 'ERR_CONNTRACK_EBPF') return undefined
    throw error
  }
}

/** Waits until every event made was either counted or dropped. */
export async function settled(events: ConntrackEvents, made: number): Promise<EngineStatus> {
  const deadline = performance.now() + SETTLE_MS
  for (;;) {
    const status = events.status()
    const known = status.openEvents + status.closeEvents + status.droppedEvents
    if (known === made) return status
    if (performance.now() > deadline)
      throw new BenchError('BENCH_FAILED', `${made} events were made, ${known} were counted or reported lost`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
