import type { Change } from '../../src/model/change.ts'
import type { EndpointSlice, SliceEndpoint } from '../../src/model/endpoint-slice.ts'
import type { Service, ServicePort } from '../../src/model/service.ts'
import { cidrContains, type IpAddress } from '../../src/util/address.ts'
import { NODE_ADDRESSES, POD_CIDR, SERVICE_CIDR, ZONE } from './random-services.ts'
import { address } from './services.ts'
import type { Packet } from './table-walk.ts'

/** What Kubernetes says must become of a packet: written down again from the API's words, sharing no code. */
export type Expected =
  | { readonly kind: 'passed' | 'dropped' | 'rejected' }
  /** Goes to any of these, all of which must be possible; masqueraded or not. */
  | {
      readonly kind: 'translated'
      readonly to: readonly { readonly at: string; readonly masqueraded: boolean }[]
    }

interface Answering {
  readonly service: Service
  readonly port: ServicePort
  readonly kind: 'cluster' | 'balancer' | 'external' | 'node'
}

const HERE = 'here'

export class ServiceOracle {
  readonly #answering = new Map<string, Answering>()
  readonly #slices: readonly EndpointSlice[]

  /** `world` is the last word on each object. */
  constructor(world: readonly Change[]) {
    const services = world.flatMap((change) =>
      change.kind === 'Service' && change.object ? [change.object] : [],
    )
    this.#slices = world.flatMap((change) =>
      change.kind === 'EndpointSlice' && change.object ? [change.object] : [],
    )
    for (const service of services.sort(bySeniority)) this.#claim(service)
  }

  /** Whether connections of a client to this place go to the same endpoint every time. */
  hasAffinity({ destination, port }: Packet): boolean {
    return (this.#answering.get(place(destination, port))?.service.affinitySeconds ?? 0) > 0
  }

  /** Every place that is answered. */
  places(): { readonly destination: IpAddress; readonly port: number }[] {
    return [...this.#answering.keys()].map((key) => {
      const [destination = '', port] = key.split(' ')
      return { destination: address(destination), port: Number(port) }
    })
  }

  fate(packet: Packet): Expected {
    const { source, destination, port } = packet
    const answering = this.#answering.get(place(destination, port))
    if (answering === undefined) return this.#unanswered(destination)
    const { service, kind } = answering
    if (kind === 'balancer' && !isAllowed(service, packet)) return { kind: 'dropped' }
    const listed = this.#endpoints(answering)
    const everywhere = choose(listed)
    const here = chooseLocal(listed)
    if (everywhere.length === 0) return { kind: 'rejected' }
    const isPod = cidrContains(POD_CIDR, source)
    const isNode = NODE_ADDRESSES.includes(source)
    const to = (endpoints: readonly Placed[], masqueraded: boolean): Expected =>
      endpoints.length === 0
        ? { kind: 'dropped' }
        : {
            kind: 'translated',
            to: endpoints.map(({ endpoint, number }) => {
              const meetsItself = endpoint.address === source && endpoint.nodeName === HERE
              return { at: `${endpoint.address}:${number}`, masqueraded: masqueraded || meetsItself }
            }),
          }
    if (kind === 'cluster') return to(service.internalTrafficPolicy === 'Local' ? here : everywhere, !isPod)
    if (service.externalTrafficPolicy === 'Cluster') return to(everywhere, true)
    if (isPod) return to(everywhere, false)
    return isNode ? to(everywhere, true) : to(here, false)
  }

  #unanswered(destination: IpAddress): Expected {
    if (!cidrContains(SERVICE_CIDR, destination)) return { kind: 'passed' }
    const isInUse = [...this.#answering].some(
      ([key, { kind }]) => kind === 'cluster' && key.startsWith(`${destination} `),
    )
    return { kind: isInUse ? 'rejected' : 'dropped' }
  }

  #claim(service: Service): void {
    for (const port of service.ports) {
      const take = (address: IpAddress, number: number, kind: Answering['kind']): void => {
        const key = place(address, number)
        if (!this.#answering.has(key)) this.#answering.set(key, { service, port, kind })
      }
      const nodePlaces = NODE_ADDRESSES.map((address) => place(address, port.nodePort))
      const isFree = nodePlaces.every((key) => !this.#answering.has(key))
      if (service.type !== 'ClusterIP' && port.nodePort !== 0 && isFree)
        for (const address of NODE_ADDRESSES) take(address, port.nodePort, 'node')
      for (const address of service.clusterIPs) take(address, port.port, 'cluster')
      for (const address of service.loadBalancerIPs) take(address, port.port, 'balancer')
      for (const address of service.externalIPs) take(address, port.port, 'external')
    }
  }

  #endpoints({ service, port }: Answering): Placed[] {
    return this.#slices
      .filter((slice) => slice.service === service.name)
      .flatMap((slice) =>
        slice.ports
          .filter(({ name }) => name === port.name)
          .flatMap(({ port: number }) => slice.endpoints.map((endpoint) => ({ endpoint, number }))),
      )
  }
}

interface Placed {
  readonly endpoint: SliceEndpoint
  readonly number: number
}

const place = (address: IpAddress, port: number): string => `${address} ${port}`

function bySeniority(a: Service, b: Service): number {
  const [ageA, ageB] = [a.createdAt ?? 1e9, b.createdAt ?? 1e9]
  return ageA === ageB ? (a.name < b.name ? -1 : 1) : ageA - ageB
}

const isReady = ({ endpoint }: Placed): boolean => endpoint.ready
const isEnding = ({ endpoint }: Placed): boolean =>
  !endpoint.ready && endpoint.serving && endpoint.terminating
const isHere = ({ endpoint }: Placed): boolean => endpoint.nodeName === HERE

function choose(listed: readonly Placed[]): readonly Placed[] {
  const ready = listed.filter(isReady)
  if (ready.length === 0) return listed.filter(isEnding)
  const forHere = ready.filter(({ endpoint }) => endpoint.forNodes.includes(HERE))
  if (ready.every(({ endpoint }) => endpoint.forNodes.length > 0) && forHere.length > 0) return forHere
  const forZone = ready.filter(({ endpoint }) => endpoint.forZones.includes(ZONE))
  if (ready.every(({ endpoint }) => endpoint.forZones.length > 0) && forZone.length > 0) return forZone
  return ready
}

function chooseLocal(listed: readonly Placed[]): readonly Placed[] {
  const ready = listed.filter((placed) => isReady(placed) && isHere(placed))
  return ready.length > 0 ? ready : listed.filter((placed) => isEnding(placed) && isHere(placed))
}

/** The node's own packets to an address that it also carries have that as their source. */
function isAllowed({ loadBalancerSourceRanges: ranges }: Service, { source, destination }: Packet): boolean {
  if (ranges.length === 0 || ranges.some((range) => cidrContains(range, source))) return true
  const nodeIsIn = NODE_ADDRESSES.some((node) => ranges.some((range) => cidrContains(range, node)))
  return nodeIsIn && source === destination
}
