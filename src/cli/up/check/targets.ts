import type { EndpointSlice } from '../../../model/endpoint-slice.ts'
import type { Protocol, Service } from '../../../model/service.ts'
import { familyOf, type IpAddress } from '../../../util/address.ts'
import { joinPort, shortName } from '../snapshot.ts'

/** An endpoint that should take its share of a target's connections. */
export interface Backend {
  readonly address: IpAddress
  readonly port: number
}

/** One address, protocol and port that a Service answers on. */
export interface Target {
  /** `web 10.96.0.80:80`. */
  readonly label: string
  readonly service: Service
  readonly address: IpAddress
  readonly protocol: Protocol
  readonly port: number
  readonly backends: readonly Backend[]
}

/** Everything that the Services should answer on: cluster IPs, external addresses and node ports. */
export function targetsOf(
  services: Iterable<Service>,
  slices: readonly EndpointSlice[],
  nodeAddresses: readonly IpAddress[],
): readonly Target[] {
  const targets: Target[] = []
  for (const service of [...services].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    for (const { name, protocol, port, nodePort } of service.ports) {
      const add = (address: IpAddress, at: number): void => {
        const backends = slices.flatMap((slice) => backendsOf(slice, service, name, address))
        const label = `${shortName(service.name)} ${joinPort(address, at)}/${protocol}`
        targets.push({ label, service, address, protocol, port: at, backends: distinct(backends) })
      }
      for (const address of [...service.clusterIPs, ...service.externalIPs, ...service.loadBalancerIPs])
        add(address, port)
      if (nodePort === 0) continue
      for (const address of nodeAddresses)
        if (service.ipFamilies.includes(familyOf(address))) add(address, nodePort)
    }
  }
  return targets
}

function backendsOf(
  slice: EndpointSlice,
  service: Service,
  portName: string,
  address: IpAddress,
): readonly Backend[] {
  if (slice.service !== service.name || slice.family !== familyOf(address)) return []
  const port = slice.ports.find((candidate) => candidate.name === portName)
  if (port === undefined) return []
  return slice.endpoints
    .filter((endpoint) => endpoint.ready)
    .map((endpoint) => ({ address: endpoint.address, port: port.port }))
}

const distinct = (backends: readonly Backend[]): readonly Backend[] => [
  ...new Map(backends.map((backend) => [joinPort(backend.address, backend.port), backend])).values(),
]
