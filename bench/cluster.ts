import { clusterFigures } from './cluster/figures.ts'
import { startCluster } from './cluster/filled-cluster.ts'
import { measureInLane } from './cluster/lane.ts'
import type { Load } from './cluster/measure.ts'
import { MAX_SERVICES } from './cluster/objects.ts'
import { startHawser } from './cluster/start-hawser.ts'
import { BenchError } from './error.ts'
import { count, parseFlags, sharedFlags, sharedFlagsHelp } from './flags.ts'
import { describeHost } from './host.ts'
import { measurePeers, peerLoad } from './peer/measure-peers.ts'
import { findPeer, parsePeerModes, peerFlags, peerHelp } from './peer/peer.ts'
import { deliver } from './report.ts'
import { runSuite } from './suite.ts'

const help = `hawser bench cluster: a proxy before a real API server, from its start to a connection that works

  --backend NAME   --proxy-mode of hawser proxy (default nftables)
  --services N     Services with one TCP port each (default 10000)
  --endpoints N    ready endpoints of each Service (default 5)
  --changes N      changes of one endpoint that are counted (default 200)
  --warm-up N      changes before them that are not (default 200)
  --idle N         seconds in which nothing changes (default 20)
  --profile DIR    write a V8 profile of hawser proxy; its figures are not those of a run without
${peerHelp}${sharedFlagsHelp}`

const flags = {
  backend: { type: 'string', default: 'nftables' },
  services: { type: 'string' },
  endpoints: { type: 'string' },
  changes: { type: 'string' },
  'warm-up': { type: 'string' },
  idle: { type: 'string' },
  profile: { type: 'string' },
  ...peerFlags,
  ...sharedFlags,
} as const

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
    const modes = parsePeerModes(values['peer-modes'])
    const peer = await findPeer(values.peer)
    const host = describeHost()
    const cluster = await startCluster(services, endpoints, teardown)
    const ours = await measureInLane(cluster, load, teardown, (netns) =>
      startHawser({ mode: values.backend, profile: values.profile }, cluster, netns),
    )
    const peers =
      peer === undefined ? [] : await measurePeers(peer, modes, cluster, peerLoad(values), teardown)
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
