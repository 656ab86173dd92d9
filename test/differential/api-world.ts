import type { KubeClient } from '../../src/kube/client.ts'
import { eventually } from '../support/eventually.ts'
import { PLACES, SERVER_PORT } from '../support/service-world.ts'
import { LABEL, type ServiceManifest, serviceManifest, sliceManifests } from './manifests.ts'
import { NODE, podIP } from './places.ts'
import { type ServiceDraft, servicesAt, type World } from './service-draft.ts'

const SERVICES = '/api/v1/namespaces/default/services'
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
const FAMILIES = ['IPv4', 'IPv6'] as const
const MARKER = 'marker'

/** Where a marker answers. */
export interface Marker {
  readonly addresses: readonly string[]
  readonly port: number
}

/** The worlds of the comparison in an API server, one at a time. */
export class ApiWorld {
  readonly #client: KubeClient
  #marked = 0

  constructor(client: KubeClient) {
    this.#client = client
  }

  /** Makes the Node that all proxies are on, and the marker. */
  async prepare(): Promise<void> {
    await this.#post('/api/v1/nodes', {
      metadata: { name: NODE.name, labels: { 'topology.kubernetes.io/zone': NODE.zone } },
    })
    const addresses = FAMILIES.map((family) => ({ type: 'InternalIP', address: PLACES[family].node }))
    await this.#merge(`/api/v1/nodes/${NODE.name}/status`, { status: { addresses } })
    const families = { ipFamilies: FAMILIES, ipFamilyPolicy: 'RequireDualStack' }
    // Refused for a moment, until the API server has set up its ranges.
    await eventually(
      () =>
        this.#post(SERVICES, {
          metadata: { name: MARKER },
          spec: {
            ...families,
            clusterIP: markerAddresses[0],
            clusterIPs: markerAddresses,
            ports: [{ name: 'm0', port: 9_999 }],
          },
        }),
      30_000,
    )
    for (const family of FAMILIES)
      await this.#post(SLICES, {
        metadata: { name: markerSlice(family), labels: { 'kubernetes.io/service-name': MARKER } },
        addressType: family,
        ports: [{ name: 'm0', port: SERVER_PORT }],
        endpoints: [{ addresses: [podIP(family, 1)], nodeName: NODE.name }],
      })
  }

  /** Replaces what there is with a world. */
  async begin(world: World): Promise<void> {
    const query = { labelSelector: `${LABEL}=true` }
    await Promise.all([SERVICES, SLICES].map((path) => this.#client.json({ method: 'DELETE', path, query })))
    await this.#all(servicesAt(world, 0), (draft) => this.#create(draft))
  }

  /** Takes the world on to its second step. */
  async proceed(world: World): Promise<void> {
    await this.#all(
      world.services.filter(({ later }) => later !== 'stays'),
      async (draft) => {
        const before = sliceManifests(draft).map(({ metadata }) => metadata.name)
        await this.#all(before, (name) => this.#client.json({ method: 'DELETE', path: `${SLICES}/${name}` }))
        const { name } = serviceManifest(draft).metadata
        if (draft.later === 'goes') {
          await this.#client.json({ method: 'DELETE', path: `${SERVICES}/${name}` })
        } else if (draft.later !== 'stays') {
          const changed = { ...draft, state: draft.later }
          await this.#replace(serviceManifest(changed))
          await this.#createSlices(changed)
        }
      },
    )
  }

  /**
   * Moves the marker, a Service that answers in both families. Its slices are the last of theirs, and its port changes in
   * Service and slices alike: a proxy that answers there has taken in everything before.
   */
  async mark(): Promise<Marker> {
    this.#marked++
    const name = `m${this.#marked}`
    const port = 10_000 + this.#marked
    const ports = [{ name, port, targetPort: SERVER_PORT, protocol: 'TCP' }]
    await this.#merge(`${SERVICES}/${MARKER}`, { spec: { ports } })
    for (const family of FAMILIES)
      await this.#merge(`${SLICES}/${markerSlice(family)}`, {
        ports: [{ name, port: SERVER_PORT, protocol: 'TCP' }],
      })
    return { addresses: markerAddresses, port }
  }

  async #create(draft: ServiceDraft): Promise<void> {
    const manifest = serviceManifest(draft)
    await this.#post(SERVICES, manifest)
    await this.#setStatus(manifest)
    await this.#createSlices(draft)
  }

  #createSlices(draft: ServiceDraft): Promise<void> {
    return this.#all(sliceManifests(draft), (slice) => this.#post(SLICES, slice))
  }

  async #replace(manifest: ServiceManifest): Promise<void> {
    const path = `${SERVICES}/${manifest.metadata.name}`
    await this.#client.json({ method: 'PUT', path, body: manifest })
    await this.#setStatus(manifest)
  }

  async #setStatus({ metadata, status }: ServiceManifest): Promise<void> {
    if (status !== undefined) await this.#merge(`${SERVICES}/${metadata.name}/status`, { status })
  }

  #post(path: string, body: object): Promise<unknown> {
    return this.#client.json({ method: 'POST', path, body })
  }

  /** Lists are replaced whole. */
  #merge(path: string, body: object): Promise<unknown> {
    return this.#client.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body })
  }

  async #all<Item>(items: readonly Item[], act: (item: Item) => Promise<unknown>): Promise<void> {
    await Promise.all(items.map(act))
  }
}

const markerAddresses = ['10.96.255.254', 'fd00:96::f:fffe']
const markerSlice = (family: string): string => `${MARKER}-${family.toLowerCase()}`
