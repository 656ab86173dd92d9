import type { EndpointSlice } from '../../model/endpoint-slice.ts'
import type { Problem } from '../../model/problem.ts'
import type { Service, ServicePort } from '../../model/service.ts'
import { familyOf, type IpAddress, type IpFamily } from '../../util/address.ts'
import { type ChosenEndpoints, chooseEndpoints } from './endpoints.ts'
import { type Endpoint, type Frontend, type FrontendKind, frontendKey, type NoEndpoints } from './frontend.ts'

/** All that one Service asks for, before other Services' claims are looked at. */
export interface ServiceFrontends {
  readonly frontends: readonly Frontend[]
  readonly problems: readonly Problem[]
}

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
  const restricted = service.loadBalancerSourceRanges.length > 0
  for (const family of families) {
    if (!service.ipFamilies.includes(family)) continue
    const inFamily = (address: IpAddress): boolean => familyOf(address) === family
    for (const port of service.ports) {
      const endpoints = chooseEndpoints(slices, port, family, nodeName)
      const add = (kind: FrontendKind, address: IpAddress | undefined, number: number): void => {
        const made = frontend(service, port, family, kind, address, number, endpoints)
        // A cluster IP that is named as an external IP too is one frontend: the first kind.
        if (!frontends.some((other) => other.key === made.key && other.family === family))
          frontends.push(made)
      }
      for (const address of service.clusterIPs.filter(inFamily)) add('ClusterIP', address, port.port)
      for (const address of service.externalIPs.filter(inFamily)) add('ExternalIP', address, port.port)
      // An address that only some sources may reach stays closed while those ranges can't be enforced.
      if (!restricted)
        for (const address of service.loadBalancerIPs.filter(inFamily))
          add('LoadBalancer', address, port.port)
      if (service.type !== 'ClusterIP' && port.nodePort !== 0) add('NodePort', undefined, port.nodePort)
    }
  }
  return { frontends, problems: unsupported(service) }
}

function frontend(
  service: Service,
  port: ServicePort,
  family: IpFamily,
  kind: FrontendKind,
  address: IpAddress | undefined,
  number: number,
  chosen: ChosenEndpoints,
): Frontend {
  const { endpoints, whenEmpty } = reachable(service, kind, chosen)
  return {
    key: frontendKey(address, port.protocol, number),
    family,
    service: service.name,
    portName: port.name,
    kind,
    address,
    protocol: port.protocol,
    port: number,
    endpoints,
    localCount: undefined,
    whenEmpty,
    affinitySeconds: 0,
    sourceRanges: [],
  }
}

/** Internal policy Local with endpoints elsewhere only is silence; no endpoint anywhere is an answer (KEP-2086). */
function reachable(
  service: Service,
  kind: FrontendKind,
  chosen: ChosenEndpoints,
): { endpoints: readonly Endpoint[]; whenEmpty: NoEndpoints } {
  if (kind !== 'ClusterIP' || service.internalTrafficPolicy === 'Cluster')
    return { endpoints: chosen.cluster, whenEmpty: 'reject' }
  return { endpoints: chosen.local, whenEmpty: chosen.cluster.length > 0 ? 'drop' : 'reject' }
}

/** What the Service asks for and does not get, said rather than left out in silence. */
function unsupported(service: Service): readonly Problem[] {
  const problems: Problem[] = []
  const warn = (reason: string, remedy: string): void => {
    problems.push({ place: `Service ${service.name}`, severity: 'warning', reason, remedy })
  }
  if (service.affinitySeconds > 0)
    warn('sessionAffinity ClientIP is not enforced', 'set sessionAffinity to None to silence this')
  if (service.externalTrafficPolicy === 'Local' && service.type !== 'ClusterIP')
    warn('externalTrafficPolicy Local is served as Cluster', 'set it to Cluster to silence this')
  if (service.loadBalancerSourceRanges.length > 0 && service.loadBalancerIPs.length > 0)
    warn(
      'loadBalancerSourceRanges are not enforced, so its load-balancer addresses are not served',
      'remove the ranges to open the addresses to everyone',
    )
  return problems
}
