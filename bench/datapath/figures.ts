import type { Figure } from '../report.ts'
import { median, percentile } from '../statistics.ts'
import type { Sample, Transport } from './traffic.ts'

/** What each lane came to in one round, by the lane's name. */
export type Round = Readonly<Record<Transport, ReadonlyMap<string, Sample>>>

const UNITS = { tcp: 'connections', udp: 'requests' } as const

/**
 * Figures of every lane: medians over the rounds. A lane is compared with another within each round, which both spent
 * side by side, by what a second of processor time is good for: nobody waits, so that is the rate, less what other
 * programs took of it meanwhile. `sizes` are the lanes with Services; `bounded` says whether they have to keep up with the fixed rule.
 */
export function datapathFigures(
  rounds: readonly Round[],
  sizes: readonly string[],
  bounded: boolean,
): Figure[] {
  const lanes = ['direct', 'rule', ...sizes]
  return (['tcp', 'udp'] as const).flatMap((transport) =>
    lanes.flatMap((lane) => [
      ...laneFigures(rounds, lane, transport),
      ...(lane === 'direct' ? [] : [overDirect(rounds, lane, transport)]),
      ...(sizes.includes(lane) ? overRule(rounds, lane, transport, bounded && transport === 'tcp') : []),
    ]),
  )
}

function laneFigures(rounds: readonly Round[], lane: string, transport: Transport): Figure[] {
  const samples = rounds.flatMap((round) => round[transport].get(lane) ?? [])
  const over = (value: (sample: Sample) => number): number => median(samples.map(value))
  const figure = (what: string, label: string, value: number, unit: string): Figure => ({
    key: `${transport}_${lane}_${what}`,
    label: `${transport.toUpperCase()} ${title(lane)}, ${label}`,
    value,
    unit,
  })
  return [
    figure(
      'per_s',
      `${UNITS[transport]} a second`,
      over((sample) => sample.perSecond),
      '/s',
    ),
    figure(
      'cpu_us',
      'processor time of one',
      over((sample) => sample.cpuUs),
      'µs',
    ),
    figure(
      'p50_us',
      'latency p50',
      over((sample) => sample.p50Us),
      'µs',
    ),
    figure(
      'p99_us',
      'latency p99',
      over((sample) => sample.p99Us),
      'µs',
    ),
  ]
}

const title = (lane: string): string =>
  lane === 'direct' ? 'without a Service' : lane === 'rule' ? 'one fixed rule' : `${lane} Services`

function overDirect(rounds: readonly Round[], lane: string, transport: Transport): Figure {
  return {
    key: `${transport}_${lane}_over_direct`,
    label: `${transport.toUpperCase()} ${title(lane)}, rate over none`,
    value: median(ratios(rounds, lane, 'direct', transport)),
    unit: 'x',
  }
}

/** The ratio to the fixed rule's rate, and how far rounds lie apart: p90 less p10 of them. */
function overRule(rounds: readonly Round[], lane: string, transport: Transport, bounded: boolean): Figure[] {
  const values = ratios(rounds, lane, 'rule', transport)
  const label = `${transport.toUpperCase()} ${title(lane)}, rate over fixed rule`
  const ratio: Figure = { key: `${transport}_${lane}_over_rule`, label, value: median(values), unit: 'x' }
  return [
    bounded ? { ...ratio, bound: { atLeast: 0.97 } } : ratio,
    {
      key: `${transport}_${lane}_over_rule_spread`,
      label: `${label}, spread`,
      value: percentile(values, 0.9) - percentile(values, 0.1),
      unit: 'x',
    },
  ]
}

const ratios = (rounds: readonly Round[], lane: string, base: string, transport: Transport): number[] =>
  rounds.flatMap((round) => {
    const [own, other] = [round[transport].get(lane), round[transport].get(base)]
    return own === undefined || other === undefined ? [] : [other.cpuUs / own.cpuUs]
  })
