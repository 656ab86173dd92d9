import type { Figure } from '../report.ts'
import { median, percentile } from '../statistics.ts'
import type { Floor, Measured } from './load.ts'

export interface Round {
  readonly measured: Measured
  readonly floor: Floor
}

/** The slice's own bounds hold at this size only; a smaller or larger cluster is measured without them. */
const memoryBoundServices = 10_000

/** Figures over all rounds: medians of what each round says, except for the memory's peak. */
export function programmingFigures(rounds: readonly Round[], services: number): Figure[] {
  const over = (value: (round: Round) => number): number => median(rounds.map(value))
  const cold = over((round) => round.measured.cold)
  const floorCold = over((round) => round.floor.cold)
  const coldOverFloor = over((round) => round.measured.cold / round.floor.cold)
  const changeP50 = over((round) => median(round.measured.changes))
  const changeP99 = over((round) => percentile(round.measured.changes, 0.99))
  const floorChangeP50 = over((round) => median(round.floor.changes))
  const rss: Figure = {
    key: 'rss_mib',
    label: 'resident memory',
    value: over((round) => round.measured.rssMib),
    unit: 'MiB',
  }
  return [
    ms('cold_ms', 'cold commit', cold),
    ms('floor_cold_ms', 'cold commit, kernel alone', floorCold),
    {
      key: 'cold_over_floor',
      label: 'cold commit over floor',
      value: coldOverFloor,
      unit: 'x',
      bound: { atMost: 6 },
    },
    { ...ms('change_p50_ms', 'one endpoint, p50', changeP50), bound: { atMost: 0.8 } },
    { ...ms('change_p99_ms', 'one endpoint, p99', changeP99), bound: { atMost: 5 } },
    ms('floor_change_p50_ms', 'one endpoint, kernel alone, p50', floorChangeP50),
    services === memoryBoundServices ? { ...rss, bound: { atMost: 200 } } : rss,
    {
      key: 'rss_peak_mib',
      label: 'resident memory, peak',
      value: Math.max(...rounds.map((round) => round.measured.rssPeakMib)),
      unit: 'MiB',
    },
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
    ms(
      'event_loop_p99_ms',
      'event loop delay, cold, p99',
      over((round) => round.measured.eventLoopP99),
    ),
    ms(
      'event_loop_max_ms',
      'event loop delay, cold, max',
      over((round) => round.measured.eventLoopMax),
    ),
  ]
}

const ms = (key: string, label: string, value: number): Figure => ({ key, label, value, unit: 'ms' })
