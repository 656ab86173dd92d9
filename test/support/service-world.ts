import type { IpFamily } from '../../src/util/address.ts'
import { Agent } from './agent.ts'
import { type CableEnd, connect, Netns, setUp } from './netns.ts'

/** Where things are in a ServiceWorld, by family. */
export const PLACES = {
  IPv4: {
    podCidr: '10.1.0.0/16',
    serviceCidr: '10.96.0.0/16',
    node: '172.20.0.1',
    client: '172.20.0.2',
    outsidePrefix: 24,
    /** The subnet of a server: its first address is the node's, its second the server's. */
    subnet: (server: number) => ({ gateway: `10.1.${server}.1`, server: `10.1.${server}.2`, prefix: 24 }),
  },
  IPv6: {
    podCidr: 'fd00:1::/48',
    serviceCidr: 'fd00:96::/108',
    node: 'fd00:20::1',
    client: 'fd00:20::2',
    outsidePrefix: 64,
    subnet: (server: number) => ({
      gateway: `fd00:1:0:${server}::1`,
      server: `fd00:1:0:${server}::2`,
      prefix: 64,
    }),
  },
} as const

export const SERVER_PORT = 8080
/** Here servers say which port it was that they answered on: `pod-1:8081`. */
export const SECOND_PORT = 8081

const FAMILIES = ['IPv4', 'IPv6'] as const

export interface Server {
  readonly name: string
  readonly addresses: Readonly<Record<IpFamily, string>>
  readonly netns: Netns
  readonly agent: Agent
}

/**
 * A node that routes between an outside client and servers in namespaces of their own, as pods have them, in both
 * families (here IPv4):
 *
 *     client 172.20.0.2 ── 172.20.0.1 node 10.1.I.1 ── 10.1.I.2 server `pod-I`, I = 1, 2, …
 */
export class ServiceWorld {
  /** Where `client` is. */
  readonly outside: Netns
  readonly client: Agent
  readonly servers: readonly Server[]
  #node: Node

  private constructor(outside: Netns, client: Agent, servers: readonly Server[], node: Node) {
    this.outside = outside
    this.client = client
    this.servers = servers
    this.#node = node
  }

  static async create(serverCount: number): Promise<ServiceWorld> {
    const namespaces: Netns[] = []
    const agents: Agent[] = []
    const make = async (role: string): Promise<Netns> => {
      const netns = await Netns.create(role)
      namespaces.push(netns)
      return netns
    }
    const start = async (netns: Netns): Promise<Agent> => {
      const agent = await Agent.start(netns)
      agents.push(agent)
      return agent
    }
    try {
      const node = await makeNode(make)
      const outside = await make('client')
      await connect(
        { netns: outside, link: 'eth0', addresses: onOutside('client'), gateways: both(({ node }) => node) },
        { netns: node, ...nodeEnds(0)[0] },
      )
      const servers = await Promise.all(
        Array.from({ length: serverCount }, async (_, i): Promise<Server> => {
          const netns = await make('pod')
          const subnets = both(({ subnet }) => subnet(i + 1))
          await connect(
            { netns: node, ...serverEnd(i + 1) },
            {
              netns,
              link: 'eth0',
              addresses: subnets.map(({ server, prefix }) => `${server}/${prefix}`),
              gateways: subnets.map(({ gateway }) => gateway),
            },
          )
          const agent = await start(netns)
          await agent.serve(SERVER_PORT, `pod-${i + 1}`)
          await agent.serve(SECOND_PORT, `pod-${i + 1}:${SECOND_PORT}`)
          const addresses = { IPv4: PLACES.IPv4.subnet(i + 1).server, IPv6: PLACES.IPv6.subnet(i + 1).server }
          return { name: `pod-${i + 1}`, addresses, netns, agent }
        }),
      )
      const [client, host] = await Promise.all([start(outside), start(node)])
      return new ServiceWorld(outside, client, servers, { netns: node, host })
    } catch (error) {
      await disposeAll(agents, namespaces)
      throw error
    }
  }

  get node(): Netns {
    return this.#node.netns
  }

  /** Asks from the node itself. */
  get host(): Agent {
    return this.#node.host
  }

  /**
   * Puts a new node in the place of the old one, whose kernel remembers connections: nothing that was before has a part
   * in what comes. Client and servers stay as they are.
   */
  async renewNode(): Promise<void> {
    const old = this.#node
    const ends = nodeEnds(this.servers.length)
    const netns = await makeNode(Netns.create)
    await old.netns.ip(...ends.map(({ link }) => `link set ${link} netns ${netns.name}`))
    await setUp(netns, ends)
    this.#node = { netns, host: await Agent.start(netns) }
    await disposeAll([old.host], [old.netns])
  }

  async dispose(): Promise<void> {
    const { netns, host } = this.#node
    const agents = [this.client, host, ...this.servers.map(({ agent }) => agent)]
    await disposeAll(agents, [netns, this.outside, ...this.servers.map(({ netns }) => netns)])
  }
}

interface Node {
  readonly netns: Netns
  readonly host: Agent
}

async function makeNode(make: (role: string) => Promise<Netns>): Promise<Netns> {
  const node = await make('node')
  await node.forwards(MANY_ICMP_ANSWERS)
  return node
}

const both = <Value>(of: (places: (typeof PLACES)[IpFamily]) => Value): readonly Value[] =>
  FAMILIES.map((family) => of(PLACES[family]))

const onOutside = (who: 'node' | 'client'): readonly string[] =>
  both((places) => `${places[who]}/${places.outsidePrefix}`)

/** The node's ends of all cables: that to the outside first. */
const nodeEnds = (serverCount: number): readonly [NodeEnd, ...NodeEnd[]] => [
  { link: 'outside', addresses: onOutside('node'), gateways: both(({ client }) => client) },
  ...Array.from({ length: serverCount }, (_, i) => serverEnd(i + 1)),
]

const serverEnd = (number: number): NodeEnd => {
  const subnets = both(({ subnet }) => subnet(number))
  return { link: `pod-${number}`, addresses: subnets.map(({ gateway, prefix }) => `${gateway}/${prefix}`) }
}

type NodeEnd = Omit<CableEnd, 'netns'>

/** The kernel's limits on ICMP (1,000 a second, bursts of 50, one a second to a destination) would hide refusals. */
const MANY_ICMP_ANSWERS = {
  'net.ipv4.icmp_ratelimit': 0,
  'net.ipv4.icmp_msgs_per_sec': 100_000,
  'net.ipv4.icmp_msgs_burst': 10_000,
  'net.ipv6.icmp.ratelimit': 0,
}

/** Takes down all it can, then throws the first thing that went wrong. */
async function disposeAll(agents: readonly Agent[], namespaces: readonly Netns[]): Promise<void> {
  const stopped = await Promise.allSettled(agents.map((agent) => agent.stop()))
  const gone = await Promise.allSettled(namespaces.map((netns) => netns.dispose()))
  for (const result of [...stopped, ...gone]) if (result.status === 'rejected') throw result.reason
}
