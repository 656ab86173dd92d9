import type { Figure } from '../report.ts'
import type { Overload } from './overload.ts'

/** What is measured beside the generator is its own baseline: it takes a processor with or without a reader. */
export function overloadFigures(overload: Overload): Figure[] {
  const { idle, generator, overloaded } = overload
  const ms = (key: string, label: string, value: number): Figure => ({ key, label, value, unit: 'ms' })
  const rate = (key: string, label: string, value: number): Figure => ({ key, label, value, unit: '/s' })
  const ratio = (key: string, label: string, value: number): Figure => ({ key, label, value, unit: 'x' })
  const lost = overload.made - overload.counted
  return [
    { key: 'buffer_kib', label: 'buffer of the reader', value: overload.bufferBytes / 1024, unit: 'KiB' },
    rate('sustained_per_s', 'events without loss', overload.sustainedPerSecond),
    rate('overload_per_s', 'events made', overload.madePerSecond),
    {
      ...ratio('overload_factor', 'overload', overload.madePerSecond / overload.sustainedPerSecond),
      bound: { atLeast: 1.9 },
    },
    ms('change_idle_ms', 'a change, idle', idle.changeMs),
    ms('change_generator_ms', 'a change beside the generator', generator.changeMs),
    ms('change_overload_ms', 'a change in overload', overloaded.changeMs),
    {
      ...ratio('change_ratio', 'overload over generator alone', overloaded.changeMs / generator.changeMs),
      bound: { atMost: 1.2 },
    },
    ratio('change_ratio_idle', 'overload over idle', overloaded.changeMs / idle.changeMs),
    ms('loop_idle_p99_ms', 'event loop delay p99, idle', idle.loopP99Ms),
    ms('loop_generator_p99_ms', 'the same beside the generator', generator.loopP99Ms),
    ms('loop_overload_p99_ms', 'the same in overload', overloaded.loopP99Ms),
    {
      ...ratio('loop_ratio', 'overload over generator alone', overloaded.loopP99Ms / generator.loopP99Ms),
      bound: { atMost: 1.2 },
    },
    ratio('loop_ratio_idle', 'overload over idle', overloaded.loopP99Ms / idle.loopP99Ms),
    { key: 'events_lost', label: 'events lost', value: lost, unit: '' },
    { key: 'events_reported_lost', label: 'events reported lost', value: overload.reportedLost, unit: '' },
    { key: 'resyncs', label: 'resyncs meanwhile', value: overload.resyncs, unit: '' },
    {
      key: 'extra_rss_mib',
      label: 'extra memory',
      value: overload.extraRssMib,
      unit: 'MiB',
      bound: { atMost: 96 },
    },
  ]
}
