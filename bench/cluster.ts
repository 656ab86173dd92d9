import { TestCluster } from '../test/cluster/harness/test-cluster.ts'
import { clusterFigures, type MeasuredPeer } from './cluster/figures.ts'
import { openLane } from './cluster/lane.ts'
import { type Load, type Measured, measure, type RunningProxy } from './cluster/measure.ts'
import { createObjects, MAX_SERVICES } from './cluster/objects.ts'
import { startHawser } from './cluster/start-hawser.ts'
import { BenchError } from './error.ts'
import { count, parseFlags, sharedFlags, sharedFlagsHelp } from './flags.ts'
import { describeHost } from './host.ts'
import { findPeer, type Peer, type PeerMode, parsePeerModes, peerHelp } from './peer/peer.ts'
import { startPeer } from './peer/start-kube-proxy.ts'
import { deliver } from './report.ts'
import { runSuite } from './suite.ts'
import type { Teardown } from './teardown.ts'

const help = `hawser bench cluster: a proxy before a real API server, from its start to a connection that works

  --backend NAME   --proxy-mode of hawser proxy (default nftables)
  --services N     Services with one TCP port each (default 10000)
  --endpoints N    ready endpoints of each Service (default 5)
  --changes N      changes of one endpoint that are counted (default 200)
  --warm-up N      changes before them that are not (default 200)
  --idle N         seconds in which nothing changes (default 20)
  --profile DIR    write a V8 profile of hawser proxy; its figures are not those of a run without
${peerHelp}  --peer-changes N changes of one endpoint that are counted for a peer (default 5)
  --peer-limit N   seconds after which a peer that is not in sync fails the run (default 1200)
${sharedFlagsHelp}`

const flags = {
  backend: { type: 'string', default: 'nftables' },
  services: { type: 'string' },
  endpoints: { type: 'string' },
  changes: { type: 'string' },
  'warm-up': { type: 'string' },
  idle: { type: 'string' },
  profile: { type: 'string' },
  peer: { type: 'string' },
  'peer-modes': { type: 'string' },
  'peer-changes': { type: 'string' },
  'peer-limit': { type: 'string' },
  ...sharedFlags,
} as const

/** kube-proxy's default least time between two syncs is 1 s; a change meets one that is ready for it. */
const PEER_PAUSE_MS = 2_000
const OWN_START_LIMIT_MS = 300_000

/** Entry point of `hawser bench cluster`; resolves to the exit status. */
export const run = (args: readonly string[]): Promise<number> =>
  runSuite(args, help, async (teardown) => {
    const values = parseFlags(args, flags)
    const services = count('services', values.services, 10_000)
    const endpoints = count('endpoints', values.endpoints, 5)
    if (services > MAX_SERVICES)
      throw new BenchError('BENCH_USAGE', `--services has room for ${MAX_SERVICES}, not ${services}`)
    const load: Load = {
      changes: count('changes', values.changes, 200),
      warmUp: count('warm-up', values['warm-up'], 200, 0),
      pauseMs: 0,
      idleSeconds: count('idle', values.idle, 20),
      startLimitMs: OWN_START_LIMIT_MS,
    }
    const peerLoad: Load = {
      ...load,
      changes: count('peer-changes', values['peer-changes'], 5),
      warmUp: 0,
      pauseMs: PEER_PAUSE_MS,
      startLimitMs: count('peer-limit', values['peer-limit'], 1_200) * 1_000,
    }
    const modes = parsePeerModes(values['peer-modes'])
    const peer = await findPeer(values.peer)
    const host = describeHost()
    const cluster = await startCluster(services, endpoints, teardown)
    const ours = await inLane(cluster, load, teardown, (netns) =>
      startHawser({ mode: values.backend, profile: values.profile }, cluster, netns),
    )
    const peers = peer === undefined ? [] : await measurePeers(peer, modes, cluster, peerLoad, teardown)
    return deliver(
      {
        suite: 'cluster',
        parameters: { backend: values.backend, services, endpoints, changes: load.changes },
        figures: clusterFigures(ours, peers, services),
        host,
      },
      { jsonFile: values.json, check: values.check ?? false },
    )
  })

/** A control plane with everything in it. */
export async function startCluster(
  services: number,
  endpoints: number,
  teardown: Teardown,
): Promise<TestCluster> {
  const cluster = await TestCluster.start()
  teardown.add(() => cluster.dispose())
  await createObjects(cluster.admin, services, endpoints)
  return cluster
}

/** The peer in each mode, one after the other. */
export async function measurePeers(
  peer: Peer,
  modes: readonly PeerMode[],
  cluster: TestCluster,
  load: Load,
  teardown: Teardown,
): Promise<readonly MeasuredPeer[]> {
  const peers: MeasuredPeer[] = []
  for (const mode of modes) {
    const measured = await inLane(cluster, load, teardown, (netns) => startPeer(peer, mode, cluster, netns))
    peers.push({ mode, measured })
  }
  return peers
}

async function inLane(
  cluster: TestCluster,
  load: Load,
  teardown: Teardown,
  start: (netns: string) => RunningProxy | Promise<RunningProxy>,
): Promise<Measured> {
  const lane = await openLane(cluster, teardown)
  const place = { netns: lane.netns, kubeconfig: cluster.kubeconfig }
  const measured = await measure(place, () => start(lane.netns), load, teardown)
  await lane.close()
  return measured
}
