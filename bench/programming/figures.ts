import type { Bound, Figure } from '../report.ts'
import { median, percentile } from '../statistics.ts'
import type { ChangeTime, Floor, LoadSizes, Measured } from './load.ts'
import { STEP_KINDS, type StepKind } from './steps.ts'

export interface Round {
  readonly measured: Measured
  /** Undefined for a backend that has none. */
  readonly floor: Floor | undefined
  /** The same on clusters of other sizes, by their number of Services. */
  readonly compared: ReadonlyMap<number, Measured>
}

/** What the figures of one backend have to reach, by key. */
type Bounds = Readonly<Record<string, Bound>>

/** Ratios are for clusters of this size and larger: in a small one the constant part of the work is all there is. */
const largeFrom = 10_000

const ALWAYS: Readonly<Record<LoadSizes['backend'], Bounds>> = {
  nftables: {
    change_p50_ms: { atMost: 0.3 },
    change_p99_ms: { atMost: 3 },
    batch_p50_ms: { atMost: 10 },
  },
  iptables: {},
  ipvs: { syscalls_per_object: { atMost: 0.05 }, messages_change: { atMost: 3 } },
}

const LARGE: Readonly<Record<LoadSizes['backend'], Bounds>> = {
  nftables: { cold_over_floor: { atMost: 3 }, event_loop_p99_ms: { atMost: 20 } },
  iptables: { change_over_floor: { atMost: 2 } },
  ipvs: {},
}

/** Memory and whole loads follow the number of objects: their bounds are for these sizes only. */
const AT: Readonly<Record<LoadSizes['backend'], Readonly<Record<number, Bounds>>>> = {
  nftables: {
    10000: { rss_mib: { atMost: 150 }, kernel_mib: { atMost: 10 } },
    44000: { rss_mib: { atMost: 350 } },
  },
  iptables: { 10000: { cold_ms: { atMost: 10_000 } } },
  ipvs: {},
}

/** Figures over all rounds: medians of what each round says, except for the memory's peak. */
export function programmingFigures(rounds: readonly Round[], sizes: LoadSizes): Figure[] {
  const { backend, services } = sizes
  const bounds: Bounds = {
    ...ALWAYS[backend],
    ...(services >= largeFrom ? LARGE[backend] : {}),
    ...AT[backend][services],
  }
  return [
    ...coldFigures(rounds),
    ...changeFigures(rounds),
    ...memoryFigures(rounds),
    ...netlinkFigures(rounds, sizes),
    ...comparedFigures(rounds),
  ].map((figure) => {
    const bound = bounds[figure.key]
    return bound === undefined ? figure : { ...figure, bound }
  })
}

function coldFigures(rounds: readonly Round[]): Figure[] {
  const over = overMeasured(rounds)
  return [
    ms(
      'cold_ms',
      'cold commit',
      over(({ cold }) => cold),
    ),
    ms(
      'cold_cpu_ms',
      'cold commit, processor time of all threads',
      over(({ coldCpu }) => coldCpu),
    ),
    ...overFloors(
      rounds,
      ({ cold }) => cold,
      (values) => ms('floor_cold_ms', 'cold commit, kernel alone', median(values)),
    ),
    ...ratio(rounds, 'cold_over_floor', 'cold commit over floor', ({ cold }) => cold),
    ms(
      'event_loop_p99_ms',
      'event loop delay, cold, p99',
      over(({ eventLoopP99 }) => eventLoopP99),
    ),
    ms(
      'event_loop_max_ms',
      'event loop delay, cold, max',
      over(({ eventLoopMax }) => eventLoopMax),
    ),
  ]
}

const WORDS: Readonly<Record<StepKind, string>> = {
  replace: 'one endpoint replaced',
  add: 'one endpoint added',
  remove: 'one endpoint removed',
  service: 'one Service added',
}

function changeFigures(rounds: readonly Round[]): Figure[] {
  const over = overMeasured(rounds)
  const both = (key: string, label: string, times: (measured: Measured) => readonly number[]): Figure[] => [
    ms(
      `${key}_p50_ms`,
      `${label}, p50`,
      over((measured) => median(times(measured))),
    ),
    ms(
      `${key}_p99_ms`,
      `${label}, p99`,
      over((measured) => percentile(times(measured), 0.99)),
    ),
  ]
  return [
    ...both('change', 'one change', ({ changes }) => timesOf(changes)),
    ...overFloors(
      rounds,
      ({ changes }) => median(timesOf(changes)),
      (values) => ms('floor_change_p50_ms', 'one change, kernel alone, p50', median(values)),
    ),
    ...ratio(rounds, 'change_over_floor', 'one change over floor, p50', ({ changes }) =>
      median(timesOf(changes)),
    ),
    ...STEP_KINDS.flatMap((kind) => {
      const times = (changes: readonly ChangeTime[]): number[] =>
        timesOf(changes.filter((change) => change.kind === kind))
      // A short run may have none of a kind.
      if (rounds.some(({ measured }) => times(measured.changes).length === 0)) return []
      return both(kind, WORDS[kind], ({ changes }) => times(changes))
    }),
    ...both('batch', '1,000 endpoints together', ({ batches }) => batches),
    ...overFloors(
      rounds,
      ({ batches }) => median(batches),
      (values) => ms('floor_batch_p50_ms', '1,000 endpoints together, kernel alone, p50', median(values)),
    ),
  ]
}

function memoryFigures(rounds: readonly Round[]): Figure[] {
  const over = overMeasured(rounds)
  return [
    mib(
      'rss_mib',
      'resident memory',
      over(({ rssMib }) => rssMib),
    ),
    mib(
      'rss_peak_mib',
      'resident memory, peak',
      Math.max(...rounds.map(({ measured }) => measured.rssPeakMib)),
    ),
    ...overFloors(
      rounds,
      ({ kernelMib }) => kernelMib,
      (values) => mib('kernel_mib', 'kernel memory', median(values)),
    ),
  ]
}

function netlinkFigures(rounds: readonly Round[], { services, endpoints }: LoadSizes): Figure[] {
  const over = overMeasured(rounds)
  const number = (key: string, label: string, value: number): Figure => ({ key, label, value, unit: '' })
  const syscalls = over(({ syscallsCold }) => syscallsCold)
  return [
    number('syscalls_cold', 'netlink system calls, cold', syscalls),
    number(
      'syscalls_per_object',
      'netlink system calls for a frontend or endpoint, cold',
      syscalls / (services * (endpoints + 1)),
    ),
    number(
      'messages_cold',
      'netlink messages, cold',
      over(({ messagesCold }) => messagesCold),
    ),
    number(
      'messages_change',
      'netlink messages, one endpoint, most',
      over(({ messagesChange }) => messagesChange),
    ),
  ]
}

/** One change beside one change at another size, within each round. */
function comparedFigures(rounds: readonly Round[]): Figure[] {
  const sizes = [...(rounds[0]?.compared.keys() ?? [])]
  return sizes.flatMap((size) => {
    const pairs = rounds.flatMap(({ measured, compared }) => {
      const other = compared.get(size)
      if (other === undefined) return []
      return [{ own: median(timesOf(measured.changes)), other: median(timesOf(other.changes)) }]
    })
    return [
      ms(
        `change_p50_ms_at_${size}`,
        `one change at ${size} Services, p50`,
        median(pairs.map(({ other }) => other)),
      ),
      {
        key: `change_p50_over_${size}`,
        label: `one change over that at ${size} Services`,
        value: median(pairs.map(({ own, other }) => own / other)),
        unit: 'x',
        bound: { atMost: 1.2 },
      },
    ]
  })
}

const timesOf = (changes: readonly ChangeTime[]): number[] => changes.map(({ ms }) => ms)

const overMeasured =
  (rounds: readonly Round[]) =>
  (value: (measured: Measured) => number): number =>
    median(rounds.map(({ measured }) => value(measured)))

/** A figure of the floors, where there are any that say it. */
function overFloors(
  rounds: readonly Round[],
  value: (floor: Floor) => number | undefined,
  figure: (values: readonly number[]) => Figure,
): Figure[] {
  const values = rounds.flatMap(({ floor }) => (floor === undefined ? [] : (value(floor) ?? [])))
  return values.length === 0 ? [] : [figure(values)]
}

/** What the measured process took over what its round's floor took. */
function ratio(
  rounds: readonly Round[],
  key: string,
  label: string,
  value: (side: Measured | Floor) => number,
): Figure[] {
  const values = rounds.flatMap(({ measured, floor }) =>
    floor === undefined ? [] : [value(measured) / value(floor)],
  )
  return values.length === 0 ? [] : [{ key, label, value: median(values), unit: 'x' }]
}

const ms = (key: string, label: string, value: number): Figure => ({ key, label, value, unit: 'ms' })

const mib = (key: string, label: string, value: number): Figure => ({ key, label, value, unit: 'MiB' })
