/**
 * The measured process of the netlink benchmark: takes turns between the addon, node-netlink and plain C++ in the
 * network namespace it was started in, and prints medians of their rates as JSON.
 */
import { median } from '../statistics.ts'
import { openAddonContestant } from './addon-contestant.ts'
import type { Contestant, ContestantName } from './contestant.ts'
import { openCppContestant } from './cpp-contestant.ts'
import { openPeerContestant } from './peer-contestant.ts'

export interface ContestInput {
  readonly rounds: number
  readonly roundTrips: number
  readonly messages: number
  /** Path of the compiled loop.cc. */
  readonly loopProgram: string
}

/** Medians over all rounds. */
export interface Rates {
  readonly roundTripsPerSecond: number
  readonly messagesPerSecond: number
}

export type ContestResult = Readonly<Record<ContestantName, Rates>>

interface Samples {
  readonly roundTrips: number[]
  readonly messages: number[]
}

async function contest(input: ContestInput): Promise<ContestResult> {
  const contestants = [
    await openAddonContestant(),
    await openPeerContestant(),
    openCppContestant(input.loopProgram),
  ]
  const samples = new Map<ContestantName, Samples>()
  for (const { name } of contestants) samples.set(name, { roundTrips: [], messages: [] })
  // Round 0 warms up compilers, slabs and sockets, and is not counted.
  for (let round = 0; round <= input.rounds; round++)
    for (const contestant of rotated(contestants, round)) {
      const roundTrips = perSecond(input.roundTrips, await contestant.roundTrips(input.roundTrips))
      const messages = perSecond(input.messages * 2, await contestant.messages(input.messages))
      if (round === 0) continue
      samples.get(contestant.name)?.roundTrips.push(roundTrips)
      samples.get(contestant.name)?.messages.push(messages)
    }
  for (const contestant of contestants) await contestant.close()
  return {
    addon: rates(samples, 'addon'),
    node_netlink: rates(samples, 'node_netlink'),
    cpp: rates(samples, 'cpp'),
  }
}

/** Each round begins with another contestant, so that a drift of the machine hits all alike. */
const rotated = (contestants: readonly Contestant[], round: number): Contestant[] =>
  contestants.map((_, i) => contestants[(i + round) % contestants.length]).filter((one) => one !== undefined)

function rates(samples: ReadonlyMap<ContestantName, Samples>, name: ContestantName): Rates {
  const own = samples.get(name)
  return {
    roundTripsPerSecond: median(own?.roundTrips ?? []),
    messagesPerSecond: median(own?.messages ?? []),
  }
}

const perSecond = (count: number, nanoseconds: number): number => (count * 1e9) / nanoseconds

const input: ContestInput = JSON.parse(process.argv[2] ?? '')
process.stdout.write(JSON.stringify(await contest(input)))
