import { monitorEventLoopDelay } from 'node:perf_hooks'
import { ServiceProxy } from '../../src/dataplane/proxy.ts'
import { createRegistry } from '../../src/metrics/registry.ts'
import { ConntrackEvents } from '../../src/native/conntrack-events.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { BenchError } from '../error.ts'
import { ownNode, podRange, SyntheticCluster, serviceRange } from '../model.ts'
import { median } from '../statistics.ts'
import type { Teardown } from '../teardown.ts'
import { measureEvents, settled } from './event-rates.ts'
import type { Generator } from './generator.ts'
import { tableOf } from './services.ts'

/** What one condition did to the rest of the process. */
export interface Disturbance {
  /** Median of one endpoint's change, to its acknowledgement. */
  readonly changeMs: number
  readonly loopP99Ms: number
}

export interface Overload {
  /** Of the reader that is overloaded. */
  readonly bufferBytes: number
  readonly sustainedPerSecond: number
  readonly madePerSecond: number
  /** Without events; beside the generator alone, which takes a processor; and while events are lost, too. */
  readonly idle: Disturbance
  readonly generator: Disturbance
  readonly overloaded: Disturbance
  readonly made: number
  readonly counted: number
  readonly reportedLost: number
  readonly resyncs: number
  readonly extraRssMib: number
}

export interface OverloadOptions {
  readonly netns: string
  readonly services: number
  readonly seconds: number
  readonly rounds: number
}

/** The reader is faster than the generator, so its buffer is what is made small: it holds a hundred events at first. */
const LEAST_BUFFER_BYTES = 64 * 1024
const LARGEST_BUFFER_BYTES = 16 * 1024 * 1024
const SERVICES = 1000
const ENDPOINTS = 5
const WARM_UP = 50
const LOOP_RESOLUTION_MS = 1
const WATCH_MS = 1000

/** Programs endpoints in turns: idle, beside the generator, and beside it while the reader gets twice what it can. */
export async function measureOverload(
  generator: Generator,
  options: OverloadOptions,
  teardown: Teardown,
): Promise<Overload> {
  const { netns, services, seconds, rounds } = options
  const { bufferBytes, perSecond } = await smallestReader(generator, netns, services)
  const rate = Math.round(2 * perSecond)
  const program = await programming(netns, teardown)
  const samples = { idle: [], generator: [], overloaded: [] } as Record<
    'idle' | 'generator' | 'overloaded',
    Disturbance[]
  >
  const totals = { made: 0, counted: 0, reportedLost: 0, resyncs: 0 }
  const rates: number[] = []
  let extraRss = 0
  for (let round = 0; round < rounds; round++) {
    samples.idle.push(await program(pause(seconds)))
    samples.generator.push(await program(generator.churn(rate, seconds, services)))
    const rss = process.memoryUsage.rss()
    const events = await ConntrackEvents.open({ netns, bufferBytes, engine: 'thread' })
    try {
      await events.setTable(tableOf(services))
      const stop = resyncAfterLosses(events)
      const churning = generator.churn(rate, seconds, services)
      samples.overloaded.push(await program(churning))
      const churned = await churning
      await stop()
      const status = await settled(events, churned.events)
      extraRss = Math.max(extraRss, process.memoryUsage.rss() - rss)
      rates.push(churned.perSecond)
      totals.made += churned.events
      totals.counted += status.openEvents + status.closeEvents
      totals.reportedLost += status.droppedEvents
      totals.resyncs += status.resyncs
    } finally {
      await events.close()
    }
  }
  return {
    bufferBytes,
    sustainedPerSecond: perSecond,
    madePerSecond: median(rates),
    idle: typical(samples.idle),
    generator: typical(samples.generator),
    overloaded: typical(samples.overloaded),
    ...totals,
    extraRssMib: extraRss / 2 ** 20,
  }
}

/** The smallest buffer with which some rate is read without loss, and that rate. */
async function smallestReader(
  generator: Generator,
  netns: string,
  services: number,
): Promise<{ readonly bufferBytes: number; readonly perSecond: number }> {
  for (let bufferBytes = LEAST_BUFFER_BYTES; ; bufferBytes *= 2) {
    try {
      const rates = await measureEvents(generator, { netns, services, seconds: 1, bufferBytes })
      return { bufferBytes, perSecond: rates.perSecondWithoutLoss }
    } catch (error) {
      if (!(error instanceof BenchError) || bufferBytes >= LARGEST_BUFFER_BYTES) throw error
    }
  }
}

/** A proxy in the namespace, and how to change its endpoints one after the other while something else goes on. */
async function programming(
  netns: string,
  teardown: Teardown,
): Promise<(meanwhile: Promise<unknown>) => Promise<Disturbance>> {
  const proxy = await ServiceProxy.open({
    families: ['IPv4'],
    serviceCidrs: [serviceRange],
    podCidrs: [podRange],
    nodeAddresses: [],
    nodeName: ownNode,
    masqueradePodEgress: false,
    auditIntervalMs: 60_000,
    netns,
    registry: createRegistry('bench'),
    log: silentLogger,
  })
  teardown.add(() => proxy.close())
  const cluster = new SyntheticCluster(SERVICES, ENDPOINTS)
  proxy.apply(cluster.everything())
  await proxy.synced()
  let step = 0
  const change = async (): Promise<number> => {
    const round = Math.floor(step++ / 2)
    const began = performance.now()
    proxy.apply([cluster.changeEndpoint(round % SERVICES, round)])
    await proxy.synced()
    return performance.now() - began
  }
  for (let count = 0; count < WARM_UP; count++) await change()
  return async (meanwhile) => {
    let ended = false
    const ending = meanwhile.finally(() => {
      ended = true
    })
    const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
    delay.enable()
    const changes: number[] = []
    while (!ended) {
      changes.push(await change())
      await pause(0.005)
    }
    delay.disable()
    await ending
    return { changeMs: median(changes), loopP99Ms: delay.percentile(99) / 1e6 }
  }
}

/** What the dataplane does: losses are met by a dump, once a second at most. */
function resyncAfterLosses(events: ConntrackEvents): () => Promise<void> {
  let known = 0
  let under = Promise.resolve()
  const timer = setInterval(() => {
    const { droppedEvents } = events.status()
    if (droppedEvents === known) return
    known = droppedEvents
    // That events are lost while it runs is the rule here, and its error says so.
    under = under.then(() => events.resync().catch(() => undefined))
  }, WATCH_MS)
  return async () => {
    clearInterval(timer)
    await under
  }
}

const typical = (samples: readonly Disturbance[]): Disturbance => ({
  changeMs: median(samples.map(({ changeMs }) => changeMs)),
  loopP99Ms: median(samples.map(({ loopP99Ms }) => loopP99Ms)),
})

const pause = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000))
