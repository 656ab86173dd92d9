import type { Figure } from '../report.ts'
import { median } from '../statistics.ts'
import type { PodContest } from './contest.ts'

/** What a start through Hawser may add to the runtime's own, in ms. */
const addedBound = 20

export function podFigures({ hawser, floor }: PodContest, pods: number, rssMib: number): Figure[] {
  const start = median(hawser.starts)
  const floorStart = median(floor.starts)
  const rate = (milliseconds: number): number => (pods * 1000) / milliseconds
  const ratios = hawser.parallel.map((took, round) => (floor.parallel[round] ?? Number.NaN) / took)
  return [
    { key: 'start_p50_ms', label: 'one pod through Hawser, p50', value: start, unit: 'ms' },
    { key: 'floor_p50_ms', label: 'one pod by bare CRI calls, p50', value: floorStart, unit: 'ms' },
    {
      key: 'start_over_floor_p50_ms',
      label: 'one pod, added by Hawser',
      value: start - floorStart,
      unit: 'ms',
      bound: { atMost: addedBound },
    },
    {
      key: 'parallel_per_s',
      label: `${pods} pods at once through Hawser`,
      value: rate(median(hawser.parallel)),
      unit: '/s',
    },
    {
      key: 'floor_parallel_per_s',
      label: `${pods} pods at once by bare CRI calls`,
      value: rate(median(floor.parallel)),
      unit: '/s',
    },
    {
      key: 'parallel_rate_ratio',
      label: 'pods at once, Hawser over bare CRI calls',
      value: median(ratios),
      unit: 'x',
      bound: { atLeast: 0.9 },
    },
    { key: 'rss_mib', label: 'resident memory', value: rssMib, unit: 'MiB' },
  ]
}
