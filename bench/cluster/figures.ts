import type { PeerMode } from '../peer/peer.ts'
import type { Figure } from '../report.ts'
import { median, percentile } from '../statistics.ts'
import type { Measured } from './measure.ts'

export interface MeasuredPeer {
  readonly mode: PeerMode
  readonly measured: Measured
}

/** Shares of the peer that are wanted at this size and above. */
const BOUNDED_FROM = 10_000

/** Ours, then each peer's, then ours over theirs: start and memory beside the best mode, changes beside nftables. */
export function clusterFigures(
  ours: Measured,
  peers: readonly MeasuredPeer[],
  services: number,
): readonly Figure[] {
  const bounded = services >= BOUNDED_FROM
  const own = proxyFigures('', '', ours).map((figure) => (bounded ? withOwnBound(figure) : figure))
  const theirs = peers.flatMap(({ mode, measured }, i) =>
    proxyFigures(i === 0 ? 'peer_' : `peer_${mode.replace('-', '_')}_`, `kube-proxy ${mode}: `, measured),
  )
  return [...own, ...theirs, ...ratios(ours, peers, bounded)]
}

/** One proxy's, keys and labels begun with whose they are. */
export function proxyFigures(prefix: string, label: string, measured: Measured): Figure[] {
  const figure = (key: string, what: string, value: number, unit: string): Figure => ({
    ...{ key: `${prefix}${key}`, label: `${label}${what}`, value, unit },
  })
  const fromEvent = measured.changes.map((change) => change.fromEvent)
  const fromRequest = measured.changes.map((change) => change.fromRequest)
  return [
    figure('start_ms', 'process start to in sync', measured.start, 'ms'),
    figure('start_cpu_ms', 'processor time of the start', measured.startCpu, 'ms'),
    figure('change_p50_ms', 'watch event to connection, p50', median(fromEvent), 'ms'),
    figure('change_p99_ms', 'watch event to connection, p99', percentile(fromEvent, 0.99), 'ms'),
    figure('change_from_request_p50_ms', 'API request to connection, p50', median(fromRequest), 'ms'),
    figure('rss_mib', 'resident memory', measured.rssMib, 'MiB'),
    figure('cpu_per_change_ms', 'processor time of a change', measured.cpuPerChange, 'ms'),
    figure('idle_core_share', 'share of a core when idle', measured.idleShare, 'x'),
  ]
}

function withOwnBound(figure: Figure): Figure {
  if (figure.key === 'change_p50_ms') return { ...figure, bound: { atMost: 1 } }
  return figure.key === 'idle_core_share' ? { ...figure, bound: { atMost: 0.005 } } : figure
}

function ratios(ours: Measured, peers: readonly MeasuredPeer[], bounded: boolean): Figure[] {
  if (peers.length === 0) return []
  const least = (of: (measured: Measured) => number): number =>
    Math.min(...peers.map(({ measured }) => of(measured)))
  const ratio = (key: string, label: string, value: number, atMost: number): Figure => ({
    ...{ key, label, value, unit: 'x' },
    ...(bounded ? { bound: { atMost } } : {}),
  })
  const change = ({ changes }: Measured): number => median(changes.map(({ fromEvent }) => fromEvent))
  const nftables = peers.find(({ mode }) => mode === 'nftables')?.measured
  const memory = ratio('rss_over_peer', 'memory over least', ours.rssMib / least(({ rssMib }) => rssMib), 0.5)
  return [
    ratio('start_over_peer', 'start over best', ours.start / least(({ start }) => start), 0.2),
    memory,
    ...(nftables === undefined
      ? []
      : [
          ratio('change_over_peer', 'change over nftables', change(ours) / change(nftables), 0.001),
          ratio(
            'cpu_over_peer',
            'CPU of a change over nftables',
            ours.cpuPerChange / nftables.cpuPerChange,
            0.002,
          ),
        ]),
  ]
}
