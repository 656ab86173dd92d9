import type { IpFamily } from '../../src/util/address.ts'
import type { Agent, Answer, Question } from '../support/agent.ts'
import { PLACES, type ServiceWorld } from '../support/service-world.ts'

/** Questions that a fate of several endpoints takes to meet them all: one of three stays away once in 10 million. */
export const MANY = 40
/** Where one endpoint or none is expected so many times fewer are enough: any other answer is wrong. */
const FEWER = 5
/** Within one namespace world answers take a few ms; a retry of TCP would come after 1 s. */
const SILENCE_MS = 300

/**
 * `WHO asks ADDRESS PORT[/UDP]: FATE[, seen as itself | the node]`, where WHO is `client`, `host` or a pod and FATE
 *
 * - `pod-1 pod-2`: these answer, each at times, and nobody else;
 * - `one of pod-1 pod-2`: one of them answers always;
 * - `as before`: the one that the last such line of the same client met answers always;
 * - `rejected`, `dropped`.
 */
const LINE = /^\s*(\S+) asks (\S+) (\d+)(?:\/(TCP|UDP))?: (one of )?(.+?)(?:, seen as (itself|the node))?\s*$/

/** Follows what each client met from step to step. */
export class Fates {
  readonly #world: ServiceWorld
  readonly #family: IpFamily
  readonly #met = new Map<string, string>()
  readonly #many: number

  /** `many`: questions that it takes to meet all endpoints. */
  constructor(world: ServiceWorld, family: IpFamily, many = MANY) {
    this.#many = many
    this.#world = world
    this.#family = family
  }

  /** Asks what the line asks, and returns it with the fate that was found; the same line when that is as foretold. */
  async find(line: string): Promise<string> {
    const match = LINE.exec(line)
    if (match === null) throw new Error(`no question: ${line}`)
    const [, who = '', address = '', port = '', protocol, oneOf, fate = '', seenAs] = match
    const flow = `${who} asks ${address} ${port}${protocol === undefined ? '' : `/${protocol}`}`
    const wanted = fate === 'as before' ? (this.#met.get(flow) ?? 'nobody') : fate
    const question: Question = {
      protocol: protocol === 'UDP' ? 'UDP' : 'TCP',
      address,
      port: Number(port),
      ...(wanted === 'dropped' ? { timeoutMs: SILENCE_MS } : {}),
    }
    const agent = this.#agent(who)
    // Alone: what a client with affinity is given first holds for what it asks afterwards, not beside.
    const first = wanted === 'dropped' ? [] : [await agent.ask(question)]
    const times = wanted.includes(' ') ? this.#many : Math.ceil(this.#many / FEWER)
    const answers = [...first, ...(await agent.askOften(question, times))]
    const found = [...new Set(answers.map(fateOf))].sort().join(' ')
    this.#met.set(flow, found)
    const asForetold = oneOf === undefined ? found === sorted(wanted) : wanted.split(' ').includes(found)
    const source = seenAs === undefined ? '' : `, seen as ${this.#sources(who, answers)}`
    return `${flow}: ${asForetold ? `${oneOf ?? ''}${fate}` : found}${source}`
  }

  #agent(who: string): Agent {
    if (who === 'client') return this.#world.client
    if (who === 'host') return this.#world.host
    const server = this.#world.servers.find(({ name }) => name === who)
    if (server === undefined) throw new Error(`nobody is called ${who}`)
    return server.agent
  }

  /** `itself`, `the node` or the addresses that are neither. */
  #sources(who: string, answers: readonly Answer[]): string {
    const places = PLACES[this.#family]
    const own =
      who === 'client'
        ? places.client
        : this.#world.servers.find(({ name }) => name === who)?.addresses[this.#family]
    const ofNode = [places.node, ...this.#world.servers.map((_, i) => places.subnet(i + 1).gateway)]
    const seen = answers.map((answer) => {
      if (answer.kind !== 'answered') return 'nobody'
      if (answer.seenAs === own) return 'itself'
      return ofNode.some((address) => address === answer.seenAs) ? 'the node' : answer.seenAs
    })
    return [...new Set(seen)].sort().join(' and ')
  }
}

/** Trailing and leading space gone, as `Fates.find` returns lines. */
export const normal = (line: string): string => line.trim()

const sorted = (names: string): string => names.split(' ').sort().join(' ')

function fateOf(answer: Answer): string {
  if (answer.kind === 'answered') return answer.from
  return answer.kind === 'refused' ? 'rejected' : 'dropped'
}
