import type { EndpointSlice } from '../../model/endpoint-slice.ts'
import type { Problem } from '../../model/problem.ts'
import type { Service, ServicePort } from '../../model/service.ts'
import { type Cidr, familyOf, type IpAddress, type IpFamily } from '../../util/address.ts'
import { type Candidates, findEndpoints, forCluster, forLocal } from './endpoints.ts'
import { type Frontend, type FrontendKind, frontendKey } from './frontend.ts'

/** All that one Service asks for, before other Services' claims are looked at. */
export interface ServiceFrontends {
  readonly frontends: readonly Frontend[]
  readonly problems: readonly Problem[]
}

/** No list of its own for the many Services that have no problem. */
const NO_PROBLEMS: readonly Problem[] = []

/**
 * The frontends of a Service in the given families: every port on its cluster IPs, its node ports, its external and
 * load-balancer addresses. Pure; the order follows the Service.
 */
export function serviceFrontends(
  service: Service,
  slices: readonly EndpointSlice[],
  families: readonly IpFamily[],
  nodeName: string,
): ServiceFrontends {
  const frontends: Frontend[] = []
  for (const family of families) {
    if (!service.ipFamilies.includes(family)) continue
    for (const port of service.ports) {
      const candidates = findEndpoints(slices, port, family, nodeName)
      addAll(frontends, service, port, family, 'ClusterIP', service.clusterIPs, candidates)
      addAll(frontends, service, port, family, 'ExternalIP', service.externalIPs, candidates)
      // An address that only some sources may reach stays closed while those ranges can't be enforced.
      if (service.loadBalancerSourceRanges.length === 0)
        addAll(frontends, service, port, family, 'LoadBalancer', service.loadBalancerIPs, candidates)
      if (service.type !== 'ClusterIP' && port.nodePort !== 0)
        add(frontends, frontend(service, port, family, 'NodePort', undefined, candidates))
    }
  }
  return { frontends, problems: unsupported(service) }
}

/** The port on those of the addresses that are of the family. */
function addAll(
  frontends: Frontend[],
  service: Service,
  port: ServicePort,
  family: IpFamily,
  kind: FrontendKind,
  addresses: readonly IpAddress[],
  candidates: Candidates,
): void {
  for (const address of addresses)
    if (familyOf(address) === family)
      add(frontends, frontend(service, port, family, kind, address, candidates))
}

/** A cluster IP that is named as an external IP too is one frontend: the first. */
function add(frontends: Frontend[], made: Frontend): void {
  if (!frontends.some((other) => other.key === made.key && other.family === made.family)) frontends.push(made)
}

function frontend(
  service: Service,
  port: ServicePort,
  family: IpFamily,
  kind: FrontendKind,
  address: IpAddress | undefined,
  candidates: Candidates,
): Frontend {
  const number = kind === 'NodePort' ? port.nodePort : port.port
  const onlyLocal = kind === 'ClusterIP' && service.internalTrafficPolicy === 'Local'
  return {
    key: frontendKey(address, port.protocol, number),
    family,
    service: service.name,
    portName: port.name,
    kind,
    address,
    protocol: port.protocol,
    port: number,
    endpoints: onlyLocal ? forLocal(candidates) : forCluster(candidates),
    localCount: undefined,
    // Endpoints elsewhere only are silence under policy Local; none anywhere is an answer at once (KEP-2086).
    whenEmpty: onlyLocal && forCluster(candidates).length > 0 ? 'drop' : 'reject',
    affinitySeconds: 0,
    sourceRanges: NO_RANGES,
  }
}

const NO_RANGES: readonly Cidr[] = []

/** What the Service asks for and does not get, said rather than left out in silence. */
function unsupported(service: Service): readonly Problem[] {
  if (isFullyServed(service)) return NO_PROBLEMS
  const problems: Problem[] = []
  const warn = (reason: string, remedy: string): void => {
    problems.push({ place: `Service ${service.name}`, severity: 'warning', reason, remedy })
  }
  if (service.affinitySeconds > 0)
    warn('sessionAffinity ClientIP is not enforced', 'set sessionAffinity to None to silence this')
  if (service.externalTrafficPolicy === 'Local')
    warn('externalTrafficPolicy Local is served as Cluster', 'set it to Cluster to silence this')
  if (service.loadBalancerSourceRanges.length > 0)
    warn(
      'loadBalancerSourceRanges are not enforced, so its load-balancer addresses are not served',
      'remove the ranges to open the addresses to everyone',
    )
  return problems
}

const isFullyServed = (service: Service): boolean =>
  service.affinitySeconds === 0 &&
  service.externalTrafficPolicy === 'Cluster' &&
  service.loadBalancerSourceRanges.length === 0
