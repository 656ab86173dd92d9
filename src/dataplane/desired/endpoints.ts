import type { EndpointSlice, SliceEndpoint } from '../../model/endpoint-slice.ts'
import type { ServicePort } from '../../model/service.ts'
import type { IpFamily } from '../../util/address.ts'
import { groupBy } from '../../util/group-by.ts'
import { type Endpoint, NO_ENDPOINTS } from './frontend.ts'
import { type Here, TopologyHints } from './topology.ts'

export type { Here } from './topology.ts'

/**
 * The endpoints that may take connections to one port of a Service in one family, by how willingly. Each list has an
 * endpoint once: local ones first, then by address (as text: any fixed order does) and port.
 */
export interface Candidates {
  readonly ready: readonly Endpoint[]
  /** Those of `ready` that topology hints give to this node; the same list when hints do not apply. */
  readonly preferred: readonly Endpoint[]
  /** Terminating, but still serving. */
  readonly terminating: readonly Endpoint[]
  /** Serving, though neither ready nor terminating. */
  readonly unready: readonly Endpoint[]
}

/** Merges all slices of a Service; their order does not matter. An endpoint that several name is at its best. */
export function findEndpoints(
  slices: readonly EndpointSlice[],
  port: ServicePort,
  family: IpFamily,
  here: Here,
): Candidates {
  const ready: Endpoint[] = []
  const terminating: Endpoint[] = []
  const unready: Endpoint[] = []
  const hints = new TopologyHints(here)
  visit(slices, port, family, (endpoint, number) => {
    if (endpoint.ready) {
      ready.push(toEndpoint(endpoint, number, here.nodeName))
      hints.see(endpoint)
    } else if (endpoint.serving)
      (endpoint.terminating ? terminating : unready).push(toEndpoint(endpoint, number, here.nodeName))
  })
  const inForce = inOrder(ready)
  const all = { ready: inForce, terminating: inOrder(terminating), unready: inOrder(unready) }
  if (!hints.apply) return { ...all, preferred: inForce }
  const preferred: Endpoint[] = []
  visit(slices, port, family, (endpoint, number) => {
    if (endpoint.ready && hints.choose(endpoint)) preferred.push(toEndpoint(endpoint, number, here.nodeName))
  })
  return { ...all, preferred: inOrder(preferred) }
}

/** For clients under policy Cluster: the ready ones, and when none is ready the terminating ones (KEP-1669). */
export const forCluster = ({ preferred, terminating }: Candidates): readonly Endpoint[] =>
  preferred.length > 0 ? preferred : terminating

/**
 * For clients under policy Local: the same choice among this node's endpoints, which may thus terminate while others
 * elsewhere are ready. Hints have no say in it.
 */
export function forLocal({ ready, terminating }: Candidates): readonly Endpoint[] {
  const local = ready.filter(isLocal)
  return local.length > 0 ? local : terminating.filter(isLocal)
}

/**
 * Those that serve and are in none of the lists chosen: as kube-proxy has it, a connection stays where it is for as long
 * as its endpoint serves, whatever becomes of policies, hints or the endpoint's readiness.
 */
export function keptBeside(
  { ready, terminating, unready }: Candidates,
  ...chosen: (readonly Endpoint[])[]
): readonly Endpoint[] {
  const rest = [ready, terminating, unready].filter((endpoints) => !chosen.includes(endpoints)).flat()
  if (rest.length === 0) return NO_ENDPOINTS
  // The rest are few as a rule, and those chosen may be thousands: these are only looked up.
  const byAddress = new Map(groupBy(rest, ({ address }) => address))
  for (const endpoints of chosen)
    for (const { address, port } of endpoints) {
      const others = byAddress.get(address)
      if (others === undefined) continue
      byAddress.set(
        address,
        others.filter((other) => other.port !== port),
      )
    }
  return inOrder([...byAddress.values()].flat())
}

/** Each endpoint of each slice port that is this port of the Service, with its number there. */
function visit(
  slices: readonly EndpointSlice[],
  port: ServicePort,
  family: IpFamily,
  take: (endpoint: SliceEndpoint, number: number) => void,
): void {
  for (const slice of slices) {
    if (slice.family !== family) continue
    for (const slicePort of slice.ports) {
      if (slicePort.name !== port.name || slicePort.protocol !== port.protocol) continue
      for (const endpoint of slice.endpoints) take(endpoint, slicePort.port)
    }
  }
}

const toEndpoint = ({ address, nodeName }: SliceEndpoint, port: number, ownName: string): Endpoint => ({
  address,
  port,
  local: nodeName === ownName,
  mayHairpin: nodeName === undefined || nodeName === ownName,
})

const isLocal = (endpoint: Endpoint): boolean => endpoint.local

function inOrder(endpoints: Endpoint[]): readonly Endpoint[] {
  if (endpoints.length === 0) return NO_ENDPOINTS
  const merged = mergeNeighbours(sortInPlace(endpoints))
  // A copy has room for what is in it, where a list that grew has room for three times as many.
  if (!merged.some(isLocal)) return merged.slice()
  return [...merged.filter(isLocal), ...merged.filter((endpoint) => !endpoint.local)]
}

/** Up to so many are in order, or nearly, as slices have them: sorting them needs no memory. */
const FEW = 16

function sortInPlace(endpoints: Endpoint[]): Endpoint[] {
  if (endpoints.length > FEW) return endpoints.sort(byAddressAndPort)
  for (const [index, endpoint] of endpoints.entries()) {
    let place = index
    for (; place > 0; place--) {
      const before = endpoints[place - 1]
      if (before === undefined || byAddressAndPort(before, endpoint) <= 0) break
      endpoints[place] = before
    }
    endpoints[place] = endpoint
  }
  return endpoints
}

function byAddressAndPort(a: Endpoint, b: Endpoint): number {
  if (a.address !== b.address) return a.address < b.address ? -1 : 1
  return a.port - b.port
}

/** Makes one of those with the same address and port, which are neighbours; mostly there are none. */
function mergeNeighbours(sorted: Endpoint[]): Endpoint[] {
  let kept = 0
  for (const endpoint of sorted) {
    const last = kept > 0 ? sorted[kept - 1] : undefined
    if (last !== undefined && byAddressAndPort(last, endpoint) === 0) sorted[kept - 1] = merge(last, endpoint)
    else sorted[kept++] = endpoint
  }
  sorted.length = kept
  return sorted
}

const merge = (a: Endpoint, b: Endpoint): Endpoint => ({
  ...a,
  local: a.local || b.local,
  mayHairpin: a.mayHairpin || b.mayHairpin,
})
