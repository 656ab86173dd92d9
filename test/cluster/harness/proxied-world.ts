import { PLACES, ServiceWorld } from '../../support/service-world.ts'
import { ApiGate } from './api-gate.ts'
import { TestCluster } from './test-cluster.ts'

const NODES = '/api/v1/nodes'

/** Paths of what a `ProxiedWorld` makes. */
export const NODE = `${NODES}/here`
export const SERVICES = '/api/v1/namespaces/default/services'
export const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'

/** A control plane, and the network of a node called `here` whose proxy follows it. */
export class ProxiedWorld {
  readonly cluster: TestCluster
  readonly world: ServiceWorld
  readonly #gate: ApiGate

  private constructor(cluster: TestCluster, world: ServiceWorld, gate: ApiGate) {
    this.cluster = cluster
    this.world = world
    this.#gate = gate
  }

  /** With so many servers that endpoints are made of. There is no Node yet. */
  static async start(servers: number): Promise<ProxiedWorld> {
    const [cluster, world] = await Promise.all([TestCluster.start(), ServiceWorld.create(servers)])
    return new ProxiedWorld(cluster, world, await ApiGate.open(world.node.path, cluster.serverPort))
  }

  async createNode(): Promise<void> {
    await this.#post(NODES, { metadata: { name: 'here' } })
  }

  async setNodeAddress(address: string = PLACES.IPv4.node): Promise<void> {
    const body = { status: { addresses: [{ type: 'InternalIP', address }] } }
    const contentType = 'application/strategic-merge-patch+json'
    await this.cluster.admin.json({ method: 'PATCH', path: `${NODE}/status`, contentType, body })
  }

  /** Service `web` with all servers behind it; its cluster IP. */
  async createWeb(spec: object): Promise<string> {
    const made = await this.#post(SERVICES, { metadata: { name: 'web' }, spec })
    await this.#post(SLICES, {
      metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: '', port: 8080, protocol: 'TCP' }],
      endpoints: this.#endpoints({}),
    })
    return (made as { readonly spec: { readonly clusterIP: string } }).spec.clusterIP
  }

  /** The first so many servers are behind `web`, all when absent; ready unless said otherwise. */
  async setEndpoints(wanted: { readonly count?: number; readonly ready?: boolean }): Promise<void> {
    await this.merge(`${SLICES}/web-1`, { endpoints: this.#endpoints(wanted) })
  }

  async deleteWeb(): Promise<void> {
    for (const path of [`${SERVICES}/web`, `${SLICES}/web-1`])
      await this.cluster.admin.json({ method: 'DELETE', path })
  }

  async merge(path: string, body: object): Promise<void> {
    const contentType = 'application/merge-patch+json'
    await this.cluster.admin.json({ method: 'PATCH', path, contentType, body })
  }

  async dispose(): Promise<void> {
    await this.#gate.close()
    await this.world.dispose()
    await this.cluster.dispose()
  }

  #endpoints({ count, ready = true }: { count?: number; ready?: boolean }): readonly object[] {
    return this.world.servers.slice(0, count).map(({ addresses }) => ({
      addresses: [addresses.IPv4],
      conditions: { ready },
      nodeName: 'here',
    }))
  }

  #post(path: string, body: object): Promise<unknown> {
    return this.cluster.admin.json({ method: 'POST', path, body })
  }
}
