import type { Figure } from '../report.ts'
import { median, percentile } from '../statistics.ts'
import type { Floor, Measured } from './load.ts'

export interface Round {
  readonly measured: Measured
  readonly floor: Floor
  /** The same on a cluster of another size, when that was asked for. */
  readonly compared: Measured | undefined
}

/** Bounds are for clusters of this size and larger: in a small one the constant part of the work is all there is. */
const boundedFrom = 10_000
/** Memory follows the number of objects, so that its bound is for this size only. */
const memoryBoundAt = 10_000

/** Figures over all rounds: medians of what each round says, except for the memory's peak. */
export function programmingFigures(rounds: readonly Round[], services: number): Figure[] {
  const over = (value: (round: Round) => number): number => median(rounds.map(value))
  const cold = over((round) => round.measured.cold)
  const floorCold = over((round) => round.floor.cold)
  const coldOverFloor = over((round) => round.measured.cold / round.floor.cold)
  const changeP50 = over((round) => median(round.measured.changes))
  const changeP99 = over((round) => percentile(round.measured.changes, 0.99))
  const floorChangeP50 = over((round) => median(round.floor.changes))
  const bounded = (figure: Figure, atMost: number, applies = services >= boundedFrom): Figure =>
    applies ? { ...figure, bound: { atMost } } : figure
  return [
    ms('cold_ms', 'cold commit', cold),
    ms(
      'cold_cpu_ms',
      'cold commit, processor time of all threads',
      over((round) => round.measured.coldCpu),
    ),
    ms('floor_cold_ms', 'cold commit, kernel alone', floorCold),
    bounded({ key: 'cold_over_floor', label: 'cold commit over floor', value: coldOverFloor, unit: 'x' }, 6),
    bounded(ms('change_p50_ms', 'one endpoint, p50', changeP50), 0.8),
    bounded(ms('change_p99_ms', 'one endpoint, p99', changeP99), 5),
    ms('floor_change_p50_ms', 'one endpoint, kernel alone, p50', floorChangeP50),
    bounded(
      mib(
        'rss_mib',
        'resident memory',
        over((round) => round.measured.rssMib),
      ),
      200,
      services === memoryBoundAt,
    ),
    mib(
      'rss_peak_mib',
      'resident memory, peak',
      Math.max(...rounds.map((round) => round.measured.rssPeakMib)),
    ),
    {
      key: 'syscalls_cold',
      label: 'netlink system calls, cold',
      value: over((round) => round.measured.syscallsCold),
      unit: '',
    },
    {
      key: 'messages_cold',
      label: 'netlink messages, cold',
      value: over((round) => round.measured.messagesCold),
      unit: '',
    },
    bounded(
      ms(
        'event_loop_p99_ms',
        'event loop delay, cold, p99',
        over((round) => round.measured.eventLoopP99),
      ),
      20,
    ),
    ms(
      'event_loop_max_ms',
      'event loop delay, cold, max',
      over((round) => round.measured.eventLoopMax),
    ),
    ...comparedFigures(rounds),
  ]
}

/** One change beside one change at the other size, within each round. */
function comparedFigures(rounds: readonly Round[]): Figure[] {
  const pairs = rounds.flatMap(({ measured, compared }) =>
    compared === undefined ? [] : [{ own: median(measured.changes), other: median(compared.changes) }],
  )
  if (pairs.length === 0) return []
  const other = median(pairs.map((pair) => pair.other))
  const ratio = median(pairs.map((pair) => pair.own / pair.other))
  const key = 'change_p50_over_compare'
  return [
    ms('compare_change_p50_ms', 'one endpoint, compared size, p50', other),
    { key, label: 'one endpoint over compared size', value: ratio, unit: 'x', bound: { atMost: 1.3 } },
  ]
}

const ms = (key: string, label: string, value: number): Figure => ({ key, label, value, unit: 'ms' })

const mib = (key: string, label: string, value: number): Figure => ({ key, label, value, unit: 'MiB' })
