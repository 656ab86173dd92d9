import type { Bound, Figure } from '../report.ts'
import { median, percentile } from '../statistics.ts'
import type { NodeContest, NodeMeasured, Starts } from './contest.ts'

/** What is wanted of a node: ms over the runtime's floor, shares of the peer and of the floor, writes, a core, MiB. */
const WANTED = { overFloorMs: 100, overPeer: 0.8, batch: 1.3, writes: 8, idleShare: 0.03, rssMib: 130 }

export function nodeFigures({ hawser, floor, peer }: NodeContest, batch: number): readonly Figure[] {
  const atOnce = `batch${batch}`
  const p50 = median(hawser.single)
  return [
    figure('bound_to_running_p50_ms', 'bound to Running, p50', p50, 'ms'),
    figure('bound_to_running_p99_ms', 'bound to Running, p99', percentile(hawser.single, 0.99), 'ms'),
    figure('floor_p50_ms', 'bare CRI calls, p50', median(floor.single), 'ms'),
    figure('over_floor_p50_ms', 'added to bare CRI calls, p50', p50 - median(floor.single), 'ms', {
      atMost: WANTED.overFloorMs,
    }),
    figure(`${atOnce}_ms`, `${batch} pods at once, first bound to last Running`, median(hawser.batch), 'ms'),
    figure(`${atOnce}_floor_ms`, `${batch} pods at once by bare CRI calls`, median(floor.batch), 'ms'),
    figure(`${atOnce}_ratio`, `${batch} pods at once over bare CRI calls`, batchRatio(hawser, floor), 'x', {
      atMost: WANTED.batch,
    }),
    figure('api_writes_per_pod', 'API writes a pod, until it runs', hawser.writesToStart, '', {
      atMost: WANTED.writes,
    }),
    figure('api_writes_per_life', 'API writes a pod, until it is gone', hawser.writesToEnd, ''),
    figure('idle_core_share', 'share of a core when idle', hawser.idleShare, 'x', {
      atMost: WANTED.idleShare,
    }),
    figure('rss_mib', 'resident memory', hawser.rssMib, 'MiB', { atMost: WANTED.rssMib }),
    ...(peer === undefined ? [] : peerFigures(hawser, floor, peer, batch)),
  ]
}

function peerFigures(hawser: NodeMeasured, floor: Starts, peer: NodeMeasured, batch: number): Figure[] {
  const p50 = median(peer.single)
  return [
    figure('peer_bound_to_running_p50_ms', 'kubelet: bound to Running, p50', p50, 'ms'),
    figure(
      'peer_bound_to_running_p99_ms',
      'kubelet: bound to Running, p99',
      percentile(peer.single, 0.99),
      'ms',
    ),
    figure('start_over_peer', 'bound to Running over kubelet, p50', median(hawser.single) / p50, 'x', {
      atMost: WANTED.overPeer,
    }),
    figure(`peer_batch${batch}_ms`, `kubelet: ${batch} pods at once`, median(peer.batch), 'ms'),
    figure(`peer_batch${batch}_ratio`, 'kubelet: the same over bare CRI calls', batchRatio(peer, floor), 'x'),
    figure('peer_api_writes_per_pod', 'kubelet: API writes a pod, until it runs', peer.writesToStart, ''),
    figure('peer_api_writes_per_life', 'kubelet: until it is gone', peer.writesToEnd, ''),
    figure('peer_idle_core_share', 'kubelet: share of a core when idle', peer.idleShare, 'x'),
    figure('peer_rss_mib', 'kubelet: resident memory', peer.rssMib, 'MiB'),
    figure('rss_over_peer', 'resident memory over kubelet', hawser.rssMib / peer.rssMib, 'x'),
  ]
}

/** Round by round, since the machine drifts between them. */
const batchRatio = (node: Starts, floor: Starts): number =>
  median(node.batch.map((took, round) => took / (floor.batch[round] ?? Number.NaN)))

const figure = (key: string, label: string, value: number, unit: string, bound?: Bound): Figure => ({
  ...{ key, label, value, unit },
  ...(bound === undefined ? {} : { bound }),
})
