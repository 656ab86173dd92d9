import type { EndpointSlice } from '../../model/endpoint-slice.ts'
import type { Problem } from '../../model/problem.ts'
import type { Service, ServicePort } from '../../model/service.ts'
import { type Cidr, familyOf, type IpAddress, type IpFamily } from '../../util/address.ts'
import { type Candidates, findEndpoints, forCluster, forLocal, type Here, keptBeside } from './endpoints.ts'
import {
  type Endpoint,
  type Frontend,
  type FrontendKind,
  frontendKey,
  NO_ENDPOINTS,
  type NoEndpoints,
} from './frontend.ts'
import { DEFAULT_IPVS_OPTIONS, type IpvsOptions, readIpvsOptions } from './ipvs-options.ts'
import { reportForeignAddresses, reportNamelessPort } from './service-problems.ts'

/** All that one Service asks for, before other Services' claims are looked at. */
export interface ServiceFrontends {
  readonly frontends: readonly Frontend[]
  readonly problems: readonly Problem[]
}

/** What frontends depend on beside the Service and its slices. */
export interface FrontendOptions extends Here {
  readonly families: readonly IpFamily[]
  /** For Services whose annotations say nothing else; round robin by default. */
  readonly ipvs?: IpvsOptions
}

/** No list of its own for the many Services that have no problem or no ranges. */
const NO_PROBLEMS: readonly Problem[] = []
const NO_RANGES: readonly Cidr[] = []

/**
 * The frontends of a Service in the given families: every port on its cluster IPs, its load-balancer and external
 * addresses, its node ports. Pure; the order follows the Service.
 */
export function serviceFrontends(
  service: Service,
  slices: readonly EndpointSlice[],
  options: FrontendOptions,
): ServiceFrontends {
  const problems: Problem[] = []
  const { ipvs: defaults = DEFAULT_IPVS_OPTIONS } = options
  const ipvs = readIpvsOptions(service.name, service.annotations, defaults, problems)
  const frontends = new Map<string, Frontend>()
  for (const family of options.families) {
    if (!service.ipFamilies.includes(family)) continue
    const ranges = rangesOf(service, family, problems)
    for (const port of service.ports) {
      const candidates = findEndpoints(slices, port, family, options)
      if (candidates.ready.length === 0) reportNamelessPort(service, port, family, slices, problems)
      addPort(frontends, { service, port, family, ranges, ipvs }, candidates)
    }
  }
  reportForeignAddresses(service, problems)
  return { frontends: [...frontends.values()], problems: problems.length === 0 ? NO_PROBLEMS : problems }
}

/** One port of a Service in one family. */
interface PortContext {
  readonly service: Service
  readonly port: ServicePort
  readonly family: IpFamily
  readonly ranges: readonly Cidr[]
  readonly ipvs: IpvsOptions
}

/** An address of several kinds is one frontend, of the first: load-balancer before external, for its source ranges. */
function addPort(frontends: FrontendsByKey, context: PortContext, candidates: Candidates): void {
  const { service, port } = context
  const inside = internalChoice(service, candidates)
  addAll(frontends, context, 'ClusterIP', service.clusterIPs, inside)
  const hasNodePort = service.type !== 'ClusterIP' && port.nodePort !== 0
  if (!hasNodePort && service.loadBalancerIPs.length === 0 && service.externalIPs.length === 0) return
  const outside = externalChoice(service, candidates)
  addAll(frontends, context, 'LoadBalancer', service.loadBalancerIPs, outside)
  addAll(frontends, context, 'ExternalIP', service.externalIPs, outside)
  if (hasNodePort) add(frontends, frontend(context, 'NodePort', undefined, outside))
}

/** Who takes connections, and what becomes of them when nobody does. */
interface Choice {
  readonly endpoints: readonly Endpoint[]
  readonly localEndpoints: readonly Endpoint[] | undefined
  readonly keptEndpoints: readonly Endpoint[]
  readonly whenEmpty: NoEndpoints
}

function internalChoice(service: Service, candidates: Candidates): Choice {
  const everywhere = forCluster(candidates)
  if (service.internalTrafficPolicy === 'Cluster')
    return {
      endpoints: everywhere,
      localEndpoints: undefined,
      keptEndpoints: keptBeside(candidates, everywhere),
      whenEmpty: 'reject',
    }
  const here = forLocal(candidates)
  return {
    endpoints: here,
    localEndpoints: undefined,
    keptEndpoints: keptBeside(candidates, here),
    // Endpoints elsewhere only are silence under policy Local; none anywhere is an answer at once (KEP-2086).
    whenEmpty: everywhere.length > 0 ? 'drop' : 'reject',
  }
}

function externalChoice(service: Service, candidates: Candidates): Choice {
  const endpoints = forCluster(candidates)
  const localEndpoints = service.externalTrafficPolicy === 'Local' ? forLocal(candidates) : undefined
  return {
    endpoints,
    localEndpoints,
    keptEndpoints: keptBeside(candidates, endpoints, localEndpoints ?? NO_ENDPOINTS),
    whenEmpty: 'reject',
  }
}

/** The port on those of the addresses that are of the family. */
function addAll(
  frontends: FrontendsByKey,
  context: PortContext,
  kind: FrontendKind,
  addresses: readonly IpAddress[],
  choice: Choice,
): void {
  for (const address of addresses)
    if (familyOf(address) === context.family) add(frontends, frontend(context, kind, address, choice))
}

/** By family and key; of two the first one stays. */
type FrontendsByKey = Map<string, Frontend>

function add(frontends: FrontendsByKey, made: Frontend): void {
  const id = `${made.family}/${made.key}`
  if (!frontends.has(id)) frontends.set(id, made)
}

function frontend(
  { service, port, family, ranges, ipvs }: PortContext,
  kind: FrontendKind,
  address: IpAddress | undefined,
  { endpoints, localEndpoints, keptEndpoints, whenEmpty }: Choice,
): Frontend {
  const number = kind === 'NodePort' ? port.nodePort : port.port
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
    localEndpoints,
    keptEndpoints,
    whenEmpty,
    affinitySeconds: service.affinitySeconds,
    sourceRanges: kind === 'LoadBalancer' ? ranges : NO_RANGES,
    healthCheckNodePort: service.healthCheckNodePort,
    ipvs,
  }
}

/** Ranges of another family restrict nobody of this one: as kube-proxy has it, but said aloud. */
function rangesOf(service: Service, family: IpFamily, problems: Problem[]): readonly Cidr[] {
  const all = service.loadBalancerSourceRanges
  if (all.length === 0) return NO_RANGES
  const ranges = all.filter((range) => range.family === family)
  const isServed = service.loadBalancerIPs.some((address) => familyOf(address) === family)
  if (ranges.length === 0 && isServed)
    problems.push({
      place: `Service ${service.name}`,
      severity: 'warning',
      reason: `loadBalancerSourceRanges has no ${family} range, so its ${family} load-balancer addresses are open to anyone`,
      remedy: `add an ${family} range`,
    })
  return ranges
}
