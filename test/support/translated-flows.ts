import { Agent, type Answer } from './agent.ts'
import { Netns } from './netns.ts'

/** Addresses of a TranslatedFlows: what clients ask, and where it goes. */
export const VIPS = { IPv4: '10.96.0.10', IPv6: 'fd00:96::10' } as const
export const ENDPOINTS = { IPv4: '10.0.0.2', IPv6: 'fd00::2' } as const
export const NODE_ADDRESS = '10.0.0.1'
export const NODE_PORT = 30080
export const VIP_PORT = 80
export const ENDPOINT_PORT = 8080

const RULES = `
  table inet test {
    chain output {
      type nat hook output priority -100
      ip daddr ${VIPS.IPv4} meta l4proto { tcp, udp } th dport ${VIP_PORT} dnat ip to ${ENDPOINTS.IPv4}:${ENDPOINT_PORT}
      ip6 daddr ${VIPS.IPv6} meta l4proto { tcp, udp } th dport ${VIP_PORT} dnat ip6 to [${ENDPOINTS.IPv6}]:${ENDPOINT_PORT}
      ip daddr ${NODE_ADDRESS} tcp dport ${NODE_PORT} dnat ip to ${ENDPOINTS.IPv4}:${ENDPOINT_PORT}
    }
  }
`

/** A namespace in which clients and one endpoint meet through destination NAT on loopback: real flows, no proxy. */
export class TranslatedFlows {
  readonly netns: Netns
  readonly #agent: Agent

  private constructor(netns: Netns, agent: Agent) {
    this.netns = netns
    this.#agent = agent
  }

  static async create(): Promise<TranslatedFlows> {
    const netns = await Netns.create('ct')
    try {
      for (const address of [NODE_ADDRESS, ENDPOINTS.IPv4])
        await netns.exec('ip', 'address', 'add', `${address}/32`, 'dev', 'lo')
      await netns.exec('ip', 'address', 'add', `${ENDPOINTS.IPv6}/128`, 'dev', 'lo', 'nodad')
      // Clients have the endpoint's address, since a wildcard UDP socket answers from the address it answers to.
      for (const family of ['IPv4', 'IPv6'] as const) {
        const route = ['route', 'add', VIPS[family], 'dev', 'lo', 'src', ENDPOINTS[family]]
        await netns.exec('ip', family === 'IPv4' ? '-4' : '-6', ...route)
      }
      await netns.exec('nft', RULES)
      const agent = await Agent.start(netns)
      await agent.serve(ENDPOINT_PORT, 'endpoint')
      return new TranslatedFlows(netns, agent)
    } catch (error) {
      await netns.dispose()
      throw error
    }
  }

  /** `count` questions and answers, a flow each. */
  ask(
    protocol: 'TCP' | 'UDP',
    count: number,
    address: string = VIPS.IPv4,
    port = VIP_PORT,
  ): Promise<Answer[]> {
    return this.#agent.askOften({ protocol, address, port }, count)
  }

  /**
   * Makes `count` entries of UDP flows to the IPv4 address or the one given, none of them answered, from the client ports
   * `from` on, to the endpoint given.
   */
  async synthesize(
    count: number,
    { from = 1, endpoint = '10.0.0.2', address = VIPS.IPv4 as string, port = VIP_PORT } = {},
  ): Promise<void> {
    const target = `${endpoint}:${ENDPOINT_PORT}`
    const line = `-I -p udp -t 600 --dst-nat ${target} -s 192.0.2.1 -d ${address} --sport $port --dport ${port}`
    const loop = `for port in $(seq ${from} ${from + count - 1}); do echo "${line}"; done | conntrack -R -`
    await this.netns.exec('sh', '-c', loop)
  }

  /** Deletes entries as `conntrack -D` does; that there are none is no error. */
  async delete(...args: readonly string[]): Promise<void> {
    await this.netns.exec('sh', '-c', `conntrack -D ${args.join(' ')} >/dev/null 2>&1 || true`)
  }

  /** Entries that `conntrack -L` shows. */
  async listed(...args: readonly string[]): Promise<number> {
    const text = await this.netns.exec('conntrack', '-L', ...args)
    return text.split('\n').filter((line) => line !== '').length
  }

  async dispose(): Promise<void> {
    await this.#agent.stop()
    await this.netns.dispose()
  }
}
