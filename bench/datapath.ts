import { cpus } from 'node:os'
import { PROXY_MODES, type ProxyMode } from '../src/dataplane/proxy-modes.ts'
import { datapathFigures, type Round } from './datapath/figures.ts'
import { directLane, type Lane, type LaneOptions, ruleLane, serviceLane } from './datapath/lanes.ts'
import { mostEndpoints } from './datapath/topology.ts'
import type { Sample, Transport } from './datapath/traffic.ts'
import { BenchError } from './error.ts'
import { count, counts, parseFlags, proxyMode, sharedFlags, sharedFlagsHelp } from './flags.ts'
import { describeHost } from './host.ts'
import { requireMode } from './proxy.ts'
import { deliver } from './report.ts'
import { runSuite } from './suite.ts'
import type { Teardown } from './teardown.ts'

const help = `hawser bench datapath: new connections and requests through a node, beside no Service and one fixed rule

  --backend NAME      ${PROXY_MODES.join(', ')} (default nftables)
  --services N[,N…]   Services with a TCP and a UDP port each, a node for each number (default 10,1000,10000)
  --endpoints N       ready endpoints of each Service (default 5)
  --rounds N          in each every node takes its turn; figures are medians (default 15)
  --milliseconds N    how long each takes its turn, for TCP and for UDP (default 300)
${sharedFlagsHelp}`

const flags = {
  backend: { type: 'string', default: 'nftables' },
  services: { type: 'string' },
  endpoints: { type: 'string' },
  rounds: { type: 'string' },
  milliseconds: { type: 'string' },
  ...sharedFlags,
} as const

interface Sizes {
  readonly services: readonly number[]
  readonly endpoints: number
  readonly rounds: number
  readonly milliseconds: number
}

/** Entry point of `hawser bench datapath`; resolves to the exit status. */
export const run = (args: readonly string[]): Promise<number> =>
  runSuite(args, help, async (teardown) => {
    const values = parseFlags(args, flags)
    const backend = proxyMode(values.backend)
    const sizes: Sizes = {
      services: counts('services', values.services, [10, 1000, 10_000]),
      endpoints: count('endpoints', values.endpoints, 5),
      rounds: count('rounds', values.rounds, 15),
      milliseconds: count('milliseconds', values.milliseconds, 300),
    }
    checkRoom(sizes)
    const host = describeHost()
    const rounds = await measure(backend, sizes, teardown)
    return deliver(
      {
        suite: 'datapath',
        parameters: {
          backend,
          services: sizes.services.join(','),
          endpoints: sizes.endpoints,
          rounds: rounds.length,
          milliseconds: sizes.milliseconds,
        },
        figures: datapathFigures(rounds, sizes.services.map(String), backend === 'nftables'),
        host,
      },
      { jsonFile: values.json, check: values.check ?? false },
    )
  })

/** A Service has a candidate more than it has endpoints. */
function checkRoom({ services, endpoints }: Sizes): void {
  const most = Math.floor(mostEndpoints / (endpoints + 1))
  const tooMany = services.find((number) => number > most)
  if (tooMany !== undefined)
    throw new BenchError(
      'BENCH_USAGE',
      `--services has room for ${most} with ${endpoints} endpoints, not ${tooMany}`,
    )
}

async function measure(backend: ProxyMode, sizes: Sizes, teardown: Teardown): Promise<Round[]> {
  await requireMode(backend, teardown)
  const options: LaneOptions = { processor: cpus().length - 1, endpoints: sizes.endpoints }
  const lanes = [
    await directLane(Math.max(...sizes.services), options, teardown),
    await ruleLane(options, teardown),
  ]
  for (const services of sizes.services) lanes.push(await serviceLane(backend, services, options, teardown))
  const rounds: Round[] = []
  for (let round = 0; round < sizes.rounds; round++) {
    // Another one goes first in each round.
    const first = round % lanes.length
    rounds.push(await takeTurns([...lanes.slice(first), ...lanes.slice(0, first)], sizes.milliseconds))
  }
  return rounds
}

async function takeTurns(lanes: readonly Lane[], milliseconds: number): Promise<Round> {
  const measureAll = async (transport: Transport): Promise<Map<string, Sample>> => {
    const samples = new Map<string, Sample>()
    for (const { name, traffic, targets } of lanes) {
      await traffic.flush()
      samples.set(name, await traffic.measure(transport, targets, milliseconds))
    }
    return samples
  }
  return { tcp: await measureAll('tcp'), udp: await measureAll('udp') }
}
