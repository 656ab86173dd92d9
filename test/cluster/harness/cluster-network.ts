import { connect, Netns } from '../../support/netns.ts'

/** A machine on the network of a cluster. */
export interface ClusterLink {
  readonly netns: Netns
  /** Its own, reachable from the control plane and from every other machine. */
  readonly address: string
  /** A range that the others reach through it. */
  readonly podCidr: string
}

/** All pods of all machines. */
export const POD_RANGE = '10.133.0.0/16'

/**
 * The network of a cluster, made of namespaces alone: one for the control plane, which is also the router, and one for
 * each machine, point to point. Nothing leads out of it, and nothing else of this machine's network is touched.
 */
export class ClusterNetwork {
  /** Where the control plane runs. */
  readonly netns: Netns
  /** The control plane's address for nodes and pods (RFC 2544's range: no network of an office or a cloud has it). */
  readonly address = '198.18.0.1'
  readonly #machines: Netns[] = []

  private constructor(netns: Netns) {
    this.netns = netns
  }

  static async create(): Promise<ClusterNetwork> {
    const network = new ClusterNetwork(await Netns.create('plane'))
    await network.netns.exec('ip', 'address', 'add', `${network.address}/32`, 'dev', 'lo')
    await network.netns.sysctl({ 'net.ipv4.ip_forward': 1 })
    return network
  }

  /** Plugs in another machine. `role` shows in the name of its namespace. */
  async plug(role: string): Promise<ClusterLink> {
    const number = this.#machines.length + 1
    const netns = await Netns.create(role)
    this.#machines.push(netns)
    const [router, address, podCidr] = [`198.18.${number}.1`, `198.18.${number}.2`, `10.133.${number}.0/24`]
    await connect(
      { netns, link: 'eth0', addresses: [`${address}/30`] },
      { netns: this.netns, link: `machine${number}`, addresses: [`${router}/30`] },
    )
    await netns.exec('ip', 'route', 'add', 'default', 'via', router)
    await netns.sysctl({ 'net.ipv4.ip_forward': 1 })
    await this.netns.exec('ip', 'route', 'add', podCidr, 'via', address)
    return { netns, address, podCidr }
  }

  /** Takes all namespaces away; what ran in them has ended. */
  async dispose(): Promise<void> {
    for (const netns of [...this.#machines, this.netns]) await netns.dispose()
  }
}
