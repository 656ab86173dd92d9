import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiGate } from '../cluster/harness/api-gate.ts'
import { startKubeProxy } from '../cluster/harness/kube-proxy.ts'
import type { ClusterProcess } from '../cluster/harness/process.ts'
import { TestCluster } from '../cluster/harness/test-cluster.ts'
import { inParallel } from '../cluster/objects.ts'
import { PLACES, ServiceWorld } from '../support/service-world.ts'
import { Hawser, type HawserMode } from './hawser.ts'
import { changing, type Manifest, manifests, NODE_NAME } from './objects.ts'

export type KubeProxyMode = 'nftables' | 'iptables'

/** Between two changes of an object that nobody asks: of a calm node, and of one that is always committing. */
const CHANGE_EVERY_MS = { calm: 50, busy: 0 } as const

/** Between two looks whether changes may go on. */
const LOOK_MS = 10

/** A node of a real API server's, whose Services change all the time, and the proxies that take turns on it. */
export class ProvingNode {
  readonly world: ServiceWorld
  pace: keyof typeof CHANGE_EVERY_MS = 'calm'
  readonly #cluster: TestCluster
  readonly #gate: ApiGate
  #changes: Promise<void> = Promise.resolve()
  /** Nothing changes while somebody lists: nft begins anew with every change. */
  #still = false
  #disposed = false
  #started = 0

  private constructor(world: ServiceWorld, cluster: TestCluster, gate: ApiGate) {
    this.world = world
    this.#cluster = cluster
    this.#gate = gate
  }

  static async create(): Promise<ProvingNode> {
    const world = await ServiceWorld.create(2)
    let cluster: TestCluster | undefined
    try {
      cluster = await TestCluster.start()
      await createNode(cluster)
      const objects = manifests(world.servers.map(({ addresses }) => addresses.IPv4))
      const all = [...objects, ...changing(0)]
      await inParallel(all.length, (index) => create(cluster, all[index]))
      const gate = await ApiGate.open(world.node.path, cluster.serverPort)
      const node = new ProvingNode(world, cluster, gate)
      node.#changes = node.#keepChanging()
      return node
    } catch (error) {
      await cluster?.dispose()
      await world.dispose()
      throw error
    }
  }

  /** Starts Hawser and does not wait. */
  hawser(mode: HawserMode): Hawser {
    return Hawser.spawn(this.world.node, mode, [
      ...['--kubeconfig', this.#cluster.kubeconfig, '--hostname-override', NODE_NAME],
      ...['--cluster-cidr', PLACES.IPv4.podCidr, '--state-dir', `${this.#cluster.place.folder}/hawser`],
      // The limits of conntrack belong to the host's namespace, and are not to be changed by a test.
      ...['--conntrack-max-per-core', '0'],
    ])
  }

  /** Removes what a Hawser of this mode has left. */
  async cleanUp(mode: HawserMode): Promise<void> {
    const cleanup = Hawser.spawn(this.world.node, mode, ['--cleanup'])
    if ((await cleanup.ended()) !== 0) throw new Error(`hawser proxy --cleanup failed: ${cleanup.said}`)
  }

  /** Starts a real kube-proxy; resolves when its rules are in the kernel. */
  async kubeProxy(mode: KubeProxyMode): Promise<ClusterProcess> {
    const program = await startKubeProxy(this.#cluster, {
      name: `kube-proxy-${++this.#started}`,
      mode,
      nodeName: NODE_NAME,
      netns: this.world.node.path,
      clusterCidr: PLACES.IPv4.podCidr,
    })
    const list =
      mode === 'nftables' ? ['nft', 'list', 'table', 'ip', 'kube-proxy'] : ['iptables-save', '-t', 'nat']
    const [command = '', ...args] = list
    await program.whenReady(
      async () => /KUBE-SVC-.*sticky|service-.*sticky/.test(await this.world.node.exec(command, ...args)),
      60_000,
    )
    return program
  }

  /** Resolves once it listens, to a promise for the next change of the rules by anybody. */
  async transaction(): Promise<{ readonly seen: Promise<void> }> {
    const monitor = spawn('nsenter', [`--net=${this.world.node.path}`, 'nft', 'monitor'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const seen = once(monitor.stdout, 'data').then(() => {
      monitor.kill('SIGKILL')
    })
    // It says nothing before the first change, and a start takes longer than its own.
    await once(monitor, 'spawn')
    return { seen }
  }

  /** What is in the kernel of proxies of other modes than Hawser's of this one. */
  async leftovers(mode: HawserMode): Promise<readonly string[]> {
    const others: Readonly<Record<HawserMode, RegExp>> = {
      nftables: /^(table ip6? kube-proxy|\s*chain KUBE-(SVC|SEP|SERVICES).*) \{$/gm,
      iptables: /^table ip6? (kube-proxy|hawser) \{$/gm,
    }
    return (await this.rules()).match(others[mode]) ?? []
  }

  /** The node's rules, for people. */
  async rules(): Promise<string> {
    this.#still = true
    try {
      return await this.world.node.exec('nft', 'list', 'ruleset')
    } finally {
      this.#still = false
    }
  }

  async dispose(): Promise<void> {
    this.#disposed = true
    await this.#changes
    await this.#gate.close()
    await this.#cluster.dispose()
    await this.world.dispose()
  }

  async #keepChanging(): Promise<void> {
    for (let turn = 1; !this.#disposed; turn++) {
      while (this.#still) await sleep(LOOK_MS)
      for (const object of changing(turn))
        if (object.kind === 'EndpointSlice') await replace(this.#cluster, object)
      await sleep(CHANGE_EVERY_MS[this.pace])
    }
  }
}

async function createNode({ admin }: TestCluster): Promise<void> {
  const path = '/api/v1/nodes'
  await admin.json({ method: 'POST', path, body: { metadata: { name: NODE_NAME } } })
  await admin.json({
    method: 'PATCH',
    path: `${path}/${NODE_NAME}/status`,
    contentType: 'application/merge-patch+json',
    body: { status: { addresses: [{ type: 'InternalIP', address: PLACES.IPv4.node }] } },
  })
}

const collections = {
  Service: '/api/v1/namespaces/default/services',
  EndpointSlice: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
} as const

async function create(cluster: TestCluster | undefined, object: Manifest | undefined): Promise<void> {
  if (object !== undefined)
    await cluster?.admin.json({ method: 'POST', path: collections[object.kind], body: object })
}

const replace = ({ admin }: TestCluster, object: Manifest): Promise<unknown> =>
  admin.json({ method: 'PUT', path: `${collections[object.kind]}/${object.metadata.name}`, body: object })
