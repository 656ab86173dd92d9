import { familyOf, type IpFamily } from '../../src/util/address.ts'
import { ip } from '../support/addresses.ts'
import { balancerIPsOf, externalIPsOf, hasNodePorts, nameOf } from './manifests.ts'
import { clusterIP, nodeIP, nodePort, unusedClusterIP } from './places.ts'
import { type DraftPort, type ServiceDraft, servicesAt, type World } from './service-draft.ts'

/** Who asks: from outside, from the node, and from its two pods, which may meet themselves. */
export const ASKERS = ['client', 'host', 'pod-1', 'pod-2'] as const
export type Asker = (typeof ASKERS)[number]

export type Way =
  | 'cluster IP'
  | 'node port'
  | 'external IP'
  | 'load balancer IP'
  /** A cluster IP's port that its Service does not have. */
  | 'undefined port'
  /** An address of the service range that no Service has. */
  | 'unused cluster IP'

/** One place that somebody asks, the same on both nodes. */
export interface Probe {
  /** The step of its world that it is asked in. */
  readonly step: 0 | 1
  readonly asker: Asker
  readonly protocol: 'TCP' | 'UDP'
  readonly family: IpFamily
  readonly address: string
  readonly port: number
  readonly way: Way
  /** The Service that has, or in the step before had, this place; undefined for places that none has. */
  readonly draft: ServiceDraft | undefined
}

export const formatProbe = ({ asker, protocol, address, port, way, draft }: Probe): string =>
  `${asker} asks ${address} ${port}/${protocol} (${way}${draft === undefined ? '' : ` of ${nameOf(draft)}`})`

type Place = Omit<Probe, 'step' | 'asker'>

const UNDEFINED_PORT = 9

/** Everything that is worth asking in a step: also what a Service that has gone had. SCTP has no sockets here. */
export function probesOf(world: World, step: 0 | 1): readonly Probe[] {
  const now = new Map(servicesAt(world, step).map((draft) => [draft.index, draft]))
  const places = world.services.flatMap((draft) => placesOf(now.get(draft.index) ?? draft))
  const unused = FAMILIES.map((family): Place => {
    const address = unusedClusterIP(family, world.number)
    return { protocol: 'TCP', family, address, port: 80, way: 'unused cluster IP', draft: undefined }
  })
  return [...places, ...unused].flatMap((place) => ASKERS.map((asker) => ({ step, asker, ...place })))
}

function placesOf(draft: ServiceDraft): readonly Place[] {
  if (draft.kind === 'Headless' || draft.kind === 'ExternalName') return []
  const at = (
    address: string,
    { protocol, port }: Pick<DraftPort, 'protocol' | 'port'>,
    way: Way,
  ): Place[] => {
    const family = familyOf(ip(address))
    return protocol === 'SCTP' ? [] : [{ protocol, family, address, port, way, draft }]
  }
  const clusterIPs = draft.families.map((family) => clusterIP(family, draft.world, draft.index))
  return [
    ...clusterIPs.flatMap((address) =>
      at(address, { protocol: 'TCP', port: UNDEFINED_PORT }, 'undefined port'),
    ),
    ...draft.ports.flatMap((port, i) => [
      ...clusterIPs.flatMap((address) => at(address, port, 'cluster IP')),
      ...(hasNodePorts(draft) ? FAMILIES : []).flatMap((family) =>
        at(nodeIP(family), { ...port, port: nodePort(draft.world, draft.index, i) }, 'node port'),
      ),
      ...externalIPsOf(draft).flatMap((address) => at(address, port, 'external IP')),
      ...balancerIPsOf(draft).flatMap((address) => at(address, port, 'load balancer IP')),
    ]),
  ]
}

const FAMILIES = ['IPv4', 'IPv6'] as const
