import type { EndpointSlice, SliceEndpoint } from '../../model/endpoint-slice.ts'
import type { ServicePort } from '../../model/service.ts'
import type { IpFamily } from '../../util/address.ts'
import type { Endpoint } from './frontend.ts'

/** The endpoints that one port of a Service has in one family, chosen for each way in. */
export interface ChosenEndpoints {
  /** For clients of policy Cluster: local ones first, then by address and port. */
  readonly cluster: readonly Endpoint[]
  /** For clients of policy Local: chosen among the endpoints of this node alone. */
  readonly local: readonly Endpoint[]
}

/**
 * Chooses as kube-proxy does (KEP-1669): the ready endpoints, and when none is ready the ones that terminate but
 * still serve; for policy Local the same choice among this node's endpoints, which may thus terminate while others
 * elsewhere are ready. An endpoint that several slices name is one endpoint, at its best.
 */
export function chooseEndpoints(
  slices: readonly EndpointSlice[],
  port: ServicePort,
  family: IpFamily,
  nodeName: string,
): ChosenEndpoints {
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
  const cluster = inOrder(ready.length > 0 ? ready : terminating)
  const local = cluster.filter(isLocal)
  if (local.length > 0 || ready.length === 0) return { cluster, local }
  return { cluster, local: inOrder(terminating.filter(isLocal)) }
}

const toEndpoint = ({ address, nodeName }: SliceEndpoint, port: number, ownName: string): Endpoint => ({
  address,
  port,
  local: nodeName === ownName,
  mayHairpin: nodeName === undefined || nodeName === ownName,
})

const isLocal = (endpoint: Endpoint): boolean => endpoint.local

/** Each endpoint once: local ones first, then by address (as text: any fixed order does) and port. */
function inOrder(endpoints: Endpoint[]): readonly Endpoint[] {
  const merged: Endpoint[] = []
  for (const endpoint of endpoints.sort(byAddressAndPort)) {
    const last = merged.at(-1)
    if (last !== undefined && byAddressAndPort(last, endpoint) === 0)
      merged[merged.length - 1] = merge(last, endpoint)
    else merged.push(endpoint)
  }
  if (!merged.some(isLocal)) return merged
  return [...merged.filter(isLocal), ...merged.filter((endpoint) => !endpoint.local)]
}

function byAddressAndPort(a: Endpoint, b: Endpoint): number {
  if (a.address !== b.address) return a.address < b.address ? -1 : 1
  return a.port - b.port
}

/** Symmetric, so that the order of the slices does not matter. */
const merge = (a: Endpoint, b: Endpoint): Endpoint => ({
  ...a,
  local: a.local || b.local,
  mayHairpin: a.mayHairpin || b.mayHairpin,
})
