import { Agent } from './agent.ts'
import { connect, Netns } from './netns.ts'

export const POD_CIDR = '10.1.0.0/16'
export const SERVICE_CIDR = '10.96.0.0/16'
export const NODE_ADDRESS = '172.20.0.1'
export const CLIENT_ADDRESS = '172.20.0.2'
export const SERVER_PORT = 8080

export interface Server {
  readonly name: string
  readonly address: string
  readonly agent: Agent
}

/**
 * A node that routes between an outside client and servers in namespaces of their own, as pods have them:
 *
 *     client 172.20.0.2 ── 172.20.0.1 node 10.1.I.1 ── 10.1.I.2 server `pod-I`, I = 1, 2, …
 */
export class ServiceWorld {
  readonly node: Netns
  readonly client: Agent
  /** Asks from the node itself. */
  readonly host: Agent
  readonly servers: readonly Server[]
  readonly #namespaces: readonly Netns[]

  private constructor(
    node: Netns,
    client: Agent,
    host: Agent,
    servers: readonly Server[],
    namespaces: readonly Netns[],
  ) {
    this.node = node
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
      await node.sysctl({ 'net.ipv4.ip_forward': 1, ...MANY_ICMP_ANSWERS })
      const outside = await make('client')
      await connect(
        { netns: node, link: 'outside', addresses: [`${NODE_ADDRESS}/24`] },
        { netns: outside, link: 'eth0', addresses: [`${CLIENT_ADDRESS}/24`] },
      )
      await outside.exec('ip', 'route', 'add', 'default', 'via', NODE_ADDRESS)
      await node.exec('ip', 'route', 'add', 'default', 'via', CLIENT_ADDRESS)
      const servers = await Promise.all(
        Array.from({ length: serverCount }, async (_, i): Promise<Server> => {
          const subnet = `10.1.${i + 1}`
          const netns = await make('pod')
          await connect(
            { netns: node, link: `pod-${i + 1}`, addresses: [`${subnet}.1/24`] },
            { netns, link: 'eth0', addresses: [`${subnet}.2/24`] },
          )
          await netns.exec('ip', 'route', 'add', 'default', 'via', `${subnet}.1`)
          const agent = await start(netns)
          await agent.serve(SERVER_PORT, `pod-${i + 1}`)
          return { name: `pod-${i + 1}`, address: `${subnet}.2`, agent }
        }),
      )
      const [client, host] = await Promise.all([start(outside), start(node)])
      return new ServiceWorld(node, client, host, servers, namespaces)
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
}

async function disposeAll(agents: readonly Agent[], namespaces: readonly Netns[]): Promise<void> {
  await Promise.all(agents.map((agent) => agent.stop()))
  for (const netns of namespaces) await netns.dispose()
}
