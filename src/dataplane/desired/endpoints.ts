import type { EndpointSlice, SliceEndpoint } from '../../model/endpoint-slice.ts'
import type { ServicePort } from '../../model/service.ts'
import type { IpFamily } from '../../util/address.ts'
import type { Endpoint } from './frontend.ts'

/**
 * The endpoints that may take connections to one port of a Service in one family, by how willingly. Each list has an
 * endpoint once: local ones first, then by address (as text: any fixed order does) and port.
 */
export interface Candidates {
  readonly ready: readonly Endpoint[]
  /** Terminating, but still serving. */
  readonly terminating: readonly Endpoint[]
}

/** Merges all slices of a Service; their order does not matter. An endpoint that several name is at its best. */
export function findEndpoints(
  slices: readonly EndpointSlice[],
  port: ServicePort,
  family: IpFamily,
  nodeName: string,
): Candidates {
  const ready: Endpoint[] = []
  const terminating: Endpoint[] = []
  for (const slice of slices) {
    if (slice.family !== family) continue
    for (const slicePort of slice.ports) {
      if (slicePort.name !== port.name || slicePort.protocol !== port.protocol) continue
      for (const endpoint of slice.endpoints) {
        if (endpoint.ready) ready.push(toEndpoint(endpoint, slicePort.port, nodeName))
        else if (endpoint.serving && endpoint.terminating)
          terminating.push(toEndpoint(endpoint, slicePort.port, nodeName))
      }
    }
  }
  return { ready: inOrder(ready), terminating: inOrder(terminating) }
}

/** For clients under policy Cluster: the ready ones, and when none is ready the terminating ones (KEP-1669). */
export const forCluster = ({ ready, terminating }: Candidates): readonly Endpoint[] =>
  ready.length > 0 ? ready : terminating

/**
 * For clients under policy Local: the same choice among this node's endpoints, which may thus terminate while others
 * elsewhere are ready.
 */
export const forLocal = ({ ready, terminating }: Candidates): readonly Endpoint[] =>
  forCluster({ ready: ready.filter(isLocal), terminating: terminating.filter(isLocal) })

const toEndpoint = ({ address, nodeName }: SliceEndpoint, port: number, ownName: string): Endpoint => ({
  address,
  port,
  local: nodeName === ownName,
  mayHairpin: nodeName === undefined || nodeName === ownName,
})

const isLocal = (endpoint: Endpoint): boolean => endpoint.local

function inOrder(endpoints: Endpoint[]): readonly Endpoint[] {
  if (endpoints.length < 2) return endpoints
  const merged = mergeNeighbours(endpoints.sort(byAddressAndPort))
  if (!merged.some(isLocal)) return merged
  return [...merged.filter(isLocal), ...merged.filter((endpoint) => !endpoint.local)]
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
