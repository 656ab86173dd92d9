import { monitorEventLoopDelay } from 'node:perf_hooks'
import { FIRST_RATE, measureConntrackE } from './conntrack/conntrack-tool.ts'
import { type EventRates, measureEvents, measureInKernel } from './conntrack/event-rates.ts'
import { Generator } from './conntrack/generator.ts'
import { measureOverload } from './conntrack/overload.ts'
import { overloadFigures } from './conntrack/overload-figures.ts'
import { allowEntries } from './conntrack/table-limit.ts'
import { measureSnapshot, measureTables, type TableTimes } from './conntrack/tables.ts'
import { count, parseFlags, sharedFlags, sharedFlagsHelp } from './flags.ts'
import { describeHost } from './host.ts'
import { freshNetns } from './netns.ts'
import { deliver, type Figure } from './report.ts'
import { runSuite } from './suite.ts'
import type { Teardown } from './teardown.ts'

const help = `hawser bench conntrack: events, dumps and deletions beside conntrack -E, conntrack -L and single deletions

  --services N   Services with five endpoints each (default 10000)
  --entries N    entries of a full table (default 200000); more than nf_conntrack_max raises it for the run
  --seconds N    how long events are made at each rate (default 5)
  --rounds N     full tables, each of which is read and swept by both; times are medians (default 3)
  --buffer N     receive buffer for events in MiB, of the addon and of conntrack -E alike (default 64)
  --overload     instead: what twice the events that the reader can take do to programming and the event loop
${sharedFlagsHelp}`

const flags = {
  services: { type: 'string' },
  entries: { type: 'string' },
  seconds: { type: 'string' },
  rounds: { type: 'string' },
  buffer: { type: 'string' },
  overload: { type: 'boolean' },
  ...sharedFlags,
} as const

interface Sizes {
  readonly services: number
  readonly entries: number
  readonly seconds: number
  readonly rounds: number
  readonly buffer: number
}

/** Entry point of `hawser bench conntrack`; resolves to the exit status. */
export const run = (args: readonly string[]): Promise<number> =>
  runSuite(args, help, async (teardown) => {
    const values = parseFlags(args, flags)
    const sizes: Sizes = {
      services: count('services', values.services, 10_000),
      entries: count('entries', values.entries, 200_000),
      seconds: count('seconds', values.seconds, 5),
      rounds: count('rounds', values.rounds, 3),
      buffer: count('buffer', values.buffer, 64),
    }
    const host = describeHost()
    const overload = values.overload ?? false
    const figures = overload ? await overloaded(sizes, teardown) : await measure(sizes, teardown)
    return deliver(
      {
        suite: 'conntrack',
        parameters: {
          services: sizes.services,
          entries: sizes.entries,
          seconds: sizes.seconds,
          rounds: sizes.rounds,
          ...(overload ? {} : { buffer_mib: sizes.buffer }),
        },
        figures,
        host,
      },
      { jsonFile: values.json, check: values.check ?? false },
    )
  })

async function measure(sizes: Sizes, teardown: Teardown): Promise<Figure[]> {
  const { services, entries, seconds, rounds } = sizes
  const bufferBytes = sizes.buffer * 2 ** 20
  await allowEntries(entries + 100_000, teardown)
  const netns = (await freshNetns(teardown)).path
  const generator = await Generator.start(netns, teardown)
  const rssBefore = process.memoryUsage().rss
  let rssMost = rssBefore
  const watch = setInterval(() => {
    rssMost = Math.max(rssMost, process.memoryUsage().rss)
  }, 100)
  teardown.add(() => clearInterval(watch))
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const rates = await measureEvents(generator, { netns, services, seconds, bufferBytes })
  const inKernel = await measureInKernel(generator, { netns, services, seconds, bufferBytes })
  const tables = await measureTables(generator, { netns, entries, services, rounds }, teardown)
  delay.disable()
  const snapshot = await measureSnapshot(netns, services)
  const extraRss = (rssMost - rssBefore) / 2 ** 20
  const limit = rates.perSecondWithoutLoss
  const conntrackE = await measureConntrackE(
    generator,
    { netns, services, seconds, bufferBytes, limit },
    teardown,
  )
  return [
    ...eventFigures(rates, conntrackE),
    ...kernelFigures(inKernel),
    ...tableFigures(tables),
    {
      key: 'snapshot_ms',
      label: 'counters into JavaScript',
      value: snapshot,
      unit: 'ms',
      bound: { atMost: 0.2 },
    },
    {
      key: 'loop_delay_p99_ms',
      label: 'event loop delay, p99',
      value: delay.percentile(99) / 1e6,
      unit: 'ms',
      bound: { atMost: 20 },
    },
    { key: 'extra_rss_mib', label: 'extra memory', value: extraRss, unit: 'MiB', bound: { atMost: 96 } },
  ]
}

async function overloaded({ services, seconds, rounds }: Sizes, teardown: Teardown): Promise<Figure[]> {
  const netns = (await freshNetns(teardown)).path
  const generator = await Generator.start(netns, teardown)
  return overloadFigures(await measureOverload(generator, { netns, services, seconds, rounds }, teardown))
}

function eventFigures(rates: EventRates, conntrackE: number): Figure[] {
  return [
    {
      key: 'events_per_s_no_loss',
      label: 'events without loss',
      value: rates.perSecondWithoutLoss,
      unit: '/s',
    },
    { key: 'reader_core_share', label: 'share of a core', value: rates.readerShare, unit: 'x' },
    { key: 'reader_us_per_event', label: 'reading an event', value: rates.readerMicroseconds, unit: 'µs' },
    { key: 'conntrack_e_per_s', label: 'events without loss, conntrack -E', value: conntrackE, unit: '/s' },
    {
      key: 'events_over_conntrack_e',
      label: 'events over conntrack -E',
      // One that loses events at the first rate already survives less than that.
      value: rates.perSecondWithoutLoss / Math.max(conntrackE, FIRST_RATE),
      unit: 'x',
      bound: { atLeast: 15 },
    },
    { key: 'events_made', label: 'events made', value: rates.made, unit: '' },
    { key: 'events_dropped', label: 'events reported lost', value: rates.dropped, unit: '' },
  ]
}

/** None where the kernel does not let events be counted by a program. */
function kernelFigures(rates: EventRates | undefined): Figure[] {
  if (rates === undefined) return []
  return [
    {
      key: 'ebpf_events_per_s',
      label: 'events counted by the kernel',
      value: rates.perSecondWithoutLoss,
      unit: '/s',
    },
    {
      key: 'ebpf_core_share',
      label: 'share of a core to collect them',
      value: rates.readerShare,
      unit: 'x',
      bound: { atMost: 0.05 },
    },
  ]
}

function tableFigures(times: TableTimes): Figure[] {
  const ms = (key: string, label: string, value: number): Figure => ({ key, label, value, unit: 'ms' })
  const ratio = (key: string, label: string, value: number, atMost: number): Figure => ({
    key,
    label,
    value,
    unit: 'x',
    bound: { atMost },
  })
  return [
    ms('dump_ms', 'dump into counters', times.dump),
    ms('dump_floor_ms', 'the kernel’s part of it', times.floor),
    ms('conntrack_l_ms', 'conntrack -L', times.conntrackL),
    ratio('dump_ratio', 'dump over conntrack -L', times.dump / times.conntrackL, 0.4),
    {
      key: 'dump_floor_ratio',
      label: 'the kernel’s part over conntrack -L',
      value: times.floor / times.conntrackL,
      unit: 'x',
    },
    {
      key: 'dump_over_floor',
      label: 'dump over the kernel’s part',
      value: times.dump / times.floor,
      unit: 'x',
    },
    ms('delete_ms', 'stale flows deleted', times.delete),
    ms('sweep_ms', 'dump all and delete each', times.sweep),
    ratio('delete_ratio', 'deletion over dump and delete each', times.delete / times.sweep, 0.35),
  ]
}
