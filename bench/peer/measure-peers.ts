import type { TestCluster } from '../../test/cluster/harness/test-cluster.ts'
import { type MeasuredPeer, proxyFigures } from '../cluster/figures.ts'
import { startCluster } from '../cluster/filled-cluster.ts'
import { measureInLane } from '../cluster/lane.ts'
import type { Load } from '../cluster/measure.ts'
import { count } from '../flags.ts'
import type { Figure } from '../report.ts'
import { median } from '../statistics.ts'
import type { Teardown } from '../teardown.ts'
import { findPeer, type Peer, type PeerFlags, type PeerMode, parsePeerModes } from './peer.ts'
import { startPeer } from './start-kube-proxy.ts'

/** kube-proxy's default least time between two syncs is 1 s: a change is to meet one that is ready for it. */
const PAUSE_MS = 2_000
const IDLE_SECONDS = 20

/** What a peer is put through. Throws a BenchError `BENCH_USAGE` for a flag that is no number. */
export const peerLoad = (values: PeerFlags): Load => ({
  changes: count('peer-changes', values['peer-changes'], 5),
  warmUp: 0,
  pauseMs: PAUSE_MS,
  idleSeconds: IDLE_SECONDS,
  startLimitMs: count('peer-limit', values['peer-limit'], 1_200) * 1_000,
})

/** The peer in each mode, one after the other, on the objects of one cluster. */
export async function measurePeers(
  peer: Peer,
  modes: readonly PeerMode[],
  cluster: TestCluster,
  load: Load,
  teardown: Teardown,
): Promise<readonly MeasuredPeer[]> {
  const peers: MeasuredPeer[] = []
  for (const mode of modes) {
    const measured = await measureInLane(cluster, load, teardown, (netns) =>
      startPeer(peer, mode, cluster, netns),
    )
    peers.push({ mode, measured })
  }
  return peers
}

/**
 * For a suite whose own side needs no API server: the figures of the peer that its flags ask for, on as many objects
 * through a real one, and how the suite's own change compares. None when no peer is asked for, or there is none.
 */
export async function peerFigures(
  values: PeerFlags,
  { services, endpoints }: { readonly services: number; readonly endpoints: number },
  own: readonly Figure[],
  teardown: Teardown,
): Promise<readonly Figure[]> {
  const [peer, modes, load] = [
    await findPeer(values.peer),
    parsePeerModes(values['peer-modes']),
    peerLoad(values),
  ]
  if (peer === undefined) return []
  const cluster = await startCluster(services, endpoints, teardown)
  const peers = await measurePeers(peer, modes, cluster, load, teardown)
  return peers.flatMap(({ mode, measured }) => {
    const prefix = `peer_${mode.replace('-', '_')}_`
    const change = median(measured.changes.map(({ fromEvent }) => fromEvent))
    return [
      ...proxyFigures(prefix, `kube-proxy ${mode}: `, measured),
      ...over(own, 'change_p50_ms', change, `${prefix}change_ratio`, `one endpoint over kube-proxy ${mode}`),
      ...over(own, 'rss_mib', measured.rssMib, `${prefix}rss_ratio`, `memory over kube-proxy ${mode}`),
    ]
  })
}

/** The suite's own figure of that key over the peer's, when the suite has one. */
const over = (own: readonly Figure[], of: string, theirs: number, key: string, label: string): Figure[] =>
  own
    .filter((figure) => figure.key === of)
    .map(({ value }) => ({ key, label, value: value / theirs, unit: 'x' }))
