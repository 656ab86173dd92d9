import type { IpFamily } from '../../src/util/address.ts'
import { Agent } from './agent.ts'
import { connect, Netns } from './netns.ts'

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
  readonly node: Netns
  /** Where `client` is. */
  readonly outside: Netns
  readonly client: Agent
  /** Asks from the node itself. */
  readonly host: Agent
  readonly servers: readonly Server[]
  readonly #namespaces: readonly Netns[]

  private constructor(
    { node, outside }: { readonly node: Netns; readonly outside: Netns },
    client: Agent,
    host: Agent,
    servers: readonly Server[],
    namespaces: readonly Netns[],
  ) {
    this.node = node
    this.outside = outside
    this.client = client
    this.host = host
    this.servers = servers
    this.#namespaces = namespaces
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
      const node = await make('node')
      await node.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1, ...MANY_ICMP_ANSWERS })
      const outside = await make('client')
      const onOutside = (who: 'node' | 'client'): string[] =>
        FAMILIES.map((family) => `${PLACES[family][who]}/${PLACES[family].outsidePrefix}`)
      await connect(
        { netns: node, link: 'outside', addresses: onOutside('node') },
        { netns: outside, link: 'eth0', addresses: onOutside('client') },
      )
      for (const family of FAMILIES) {
        await addDefaultRoute(outside, PLACES[family].node)
        await addDefaultRoute(node, PLACES[family].client)
      }
      const servers = await Promise.all(
        Array.from({ length: serverCount }, async (_, i): Promise<Server> => {
          const netns = await make('pod')
          const subnets = FAMILIES.map((family) => PLACES[family].subnet(i + 1))
          await connect(
            {
              netns: node,
              link: `pod-${i + 1}`,
              addresses: subnets.map(({ gateway, prefix }) => `${gateway}/${prefix}`),
            },
            { netns, link: 'eth0', addresses: subnets.map(({ server, prefix }) => `${server}/${prefix}`) },
          )
          for (const { gateway } of subnets) await addDefaultRoute(netns, gateway)
          const agent = await start(netns)
          await agent.serve(SERVER_PORT, `pod-${i + 1}`)
          await agent.serve(SECOND_PORT, `pod-${i + 1}:${SECOND_PORT}`)
          const addresses = { IPv4: PLACES.IPv4.subnet(i + 1).server, IPv6: PLACES.IPv6.subnet(i + 1).server }
          return { name: `pod-${i + 1}`, addresses, netns, agent }
        }),
      )
      const [client, host] = await Promise.all([start(outside), start(node)])
      return new ServiceWorld({ node, outside }, client, host, servers, namespaces)
    } catch (error) {
      await disposeAll(agents, namespaces)
      throw error
    }
  }

  async dispose(): Promise<void> {
    const agents = [this.client, this.host, ...this.servers.map((server) => server.agent)]
    await disposeAll(agents, this.#namespaces)
  }
}

/** The kernel's limits on ICMP (1,000 a second, bursts of 50, one a second to a destination) would hide refusals. */
const MANY_ICMP_ANSWERS = {
  'net.ipv4.icmp_ratelimit': 0,
  'net.ipv4.icmp_msgs_per_sec': 100_000,
  'net.ipv4.icmp_msgs_burst': 10_000,
  'net.ipv6.icmp.ratelimit': 0,
}

async function addDefaultRoute(netns: Netns, via: string): Promise<void> {
  await netns.exec('ip', via.includes(':') ? '-6' : '-4', 'route', 'add', 'default', 'via', via)
}

/** Takes down all it can, then throws the first thing that went wrong. */
async function disposeAll(agents: readonly Agent[], namespaces: readonly Netns[]): Promise<void> {
  const stopped = await Promise.allSettled(agents.map((agent) => agent.stop()))
  const gone = await Promise.allSettled(namespaces.map((netns) => netns.dispose()))
  for (const result of [...stopped, ...gone]) if (result.status === 'rejected') throw result.reason
}
