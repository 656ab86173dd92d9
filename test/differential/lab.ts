import { ConntrackSocket } from '../../src/native/conntrack.ts'
import { groupBy } from '../../src/util/group-by.ts'
import type { Agent, Answer, Question } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import type { Netns } from '../support/netns.ts'
import { ServiceWorld } from '../support/service-world.ts'
import { type Fate, isSticky, outcomeOf, WANDERING } from './fate.ts'
import { PODS, sourceAddress, sourceAddresses } from './places.ts'
import { ASKERS, type Asker, type Probe } from './probes.ts'

const FAMILIES = ['IPv4', 'IPv6'] as const

/** How much is asked. */
export interface Effort {
  /** Questions from one address; two where there is affinity. */
  readonly times: number
  /** Which of their addresses client and node use where there is affinity. */
  readonly sources: { readonly from: number; readonly to: number }
  readonly timeoutMs: number
}

/** A node with one proxy in it, its pods, and a client outside: as many as there are proxies to compare, all alike. */
export class Lab {
  readonly #world: ServiceWorld
  readonly #flows: ConntrackSocket

  private constructor(world: ServiceWorld, flows: ConntrackSocket) {
    this.#world = world
    this.#flows = flows
  }

  static async create(): Promise<Lab> {
    const world = await ServiceWorld.create(PODS)
    try {
      await addSources('client', world.outside, 'eth0')
      await addSources('host', world.node, 'outside')
      return new Lab(world, await ConntrackSocket.open({ netns: world.node.path }))
    } catch (error) {
      await world.dispose()
      throw error
    }
  }

  get node(): Netns {
    return this.#world.node
  }

  /** What becomes of each probe, asked at least once, and more often when it is answered. */
  async fates(probes: readonly Probe[], effort: Effort): Promise<Map<Probe, Fate>> {
    const asked = await Promise.all(
      ASKERS.map(async (asker) => {
        const questions = probes
          .filter((probe) => probe.asker === asker)
          .flatMap((probe) => questionsOf(probe, effort).map((question) => ({ probe, question })))
        const all = await this.#agent(asker).askAll(questions.map(({ question }) => question))
        return questions.map(({ probe, question }, i) => ({ probe, question, answers: all[i] ?? [] }))
      }),
    )
    const found = groupBy(asked.flat(), ({ probe }) => probe)
    return new Map([...found].map(([probe, all]) => [probe, this.#fate(probe, all)]))
  }

  /** Waits until the node itself is answered at an address. */
  async whenAnswered(address: string, port: number, limitMs: number): Promise<void> {
    await eventually(async () => {
      const answer: Answer = await this.#world.host.ask({ protocol: 'TCP', address, port, timeoutMs: 100 })
      return answer.kind === 'answered' ? true : undefined
    }, limitMs)
  }

  /** A source port that is used again would else lead to where an earlier step sent it. */
  async forgetFlows(): Promise<void> {
    for (const family of FAMILIES) await this.#flows.deleteEntries(await this.#flows.list(family))
  }

  async dispose(): Promise<void> {
    await this.#flows.close()
    await this.#world.dispose()
  }

  #fate(probe: Probe, found: readonly { question: Question; answers: readonly Answer[] }[]): Fate {
    return new Set(
      found.flatMap(({ question, answers }) => {
        const own = question.from ?? this.#podAddress(probe)
        const outcomes = new Set(answers.map((answer) => outcomeOf(answer, own)))
        return isSticky(probe) && outcomes.size > 1 ? [...outcomes, WANDERING] : [...outcomes]
      }),
    )
  }

  #agent(asker: Asker): Agent {
    if (asker === 'client') return this.#world.client
    if (asker === 'host') return this.#world.host
    const server = this.#world.servers.find(({ name }) => name === asker)
    if (server === undefined) throw new Error(`nobody is called ${asker}`)
    return server.agent
  }

  #podAddress({ asker, family }: Probe): string | undefined {
    return this.#world.servers.find(({ name }) => name === asker)?.addresses[family]
  }
}

/** With affinity the first choice holds: only other addresses of the asker show what else there is to choose. */
function questionsOf(probe: Probe, { times, sources, timeoutMs }: Effort): readonly RepeatedQuestion[] {
  const { asker, protocol, family, address, port, way, step } = probe
  const question = { protocol, address, port, timeoutMs, times: isSticky(probe) ? TWICE : times }
  if (!isSticky(probe) || (asker !== 'client' && asker !== 'host')) return [question]
  const isInternal = way === 'cluster IP'
  return Array.from({ length: sources.to - sources.from }, (_, i) => ({
    ...question,
    from: sourceAddress(asker, family, { step, isInternal, which: sources.from + i }),
  }))
}

/** The second answer shows whether the first choice holds. */
const TWICE = 2

type RepeatedQuestion = Question & { readonly times: number }

async function addSources(who: 'client' | 'host', netns: Netns, link: string): Promise<void> {
  const lines = sourceAddresses(who).map((address) =>
    address.includes(':')
      ? `address add ${address}/128 dev ${link} nodad`
      : `address add ${address}/32 dev ${link}`,
  )
  // One process for all.
  await netns.exec('sh', '-c', `ip -batch - <<'END'\n${lines.join('\n')}\nEND`)
}
