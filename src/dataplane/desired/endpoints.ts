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

interface Candidate {
  readonly endpoint: Endpoint
  readonly usable: Usability
}

/** `ready` takes traffic; `terminating` (and still serving) only when none is ready; `none` never. */
type Usability = 'ready' | 'terminating' | 'none'

const NO_ENDPOINTS: ChosenEndpoints = { cluster: [], local: [] }

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
  const candidates = merge(collect(slices, port, family, nodeName))
  if (candidates.length === 0) return NO_ENDPOINTS
  const cluster = choose(candidates)
  const local = cluster.filter((endpoint) => endpoint.local)
  if (local.length > 0) return { cluster, local: local.length === cluster.length ? cluster : local }
  return { cluster, local: choose(candidates.filter((candidate) => candidate.endpoint.local)) }
}

function collect(
  slices: readonly EndpointSlice[],
  port: ServicePort,
  family: IpFamily,
  nodeName: string,
): Candidate[] {
  const found: Candidate[] = []
  for (const slice of slices) {
    if (slice.family !== family) continue
    for (const slicePort of slice.ports) {
      if (slicePort.name !== port.name || slicePort.protocol !== port.protocol) continue
      for (const endpoint of slice.endpoints) found.push(toCandidate(endpoint, slicePort.port, nodeName))
    }
  }
  return found
}

/** Sorts by address, as text since any fixed order does, and port; what is there twice becomes one. */
function merge(found: Candidate[]): Candidate[] {
  found.sort(byAddressAndPort)
  const merged: Candidate[] = []
  for (const candidate of found) {
    const last = merged.at(-1)
    if (last === undefined || byAddressAndPort(last, candidate) !== 0) merged.push(candidate)
    else merged[merged.length - 1] = better(last, candidate)
  }
  return merged
}

function byAddressAndPort({ endpoint: a }: Candidate, { endpoint: b }: Candidate): number {
  if (a.address !== b.address) return a.address < b.address ? -1 : 1
  return a.port - b.port
}

const toCandidate = (endpoint: SliceEndpoint, port: number, nodeName: string): Candidate => ({
  endpoint: {
    address: endpoint.address,
    port,
    local: endpoint.nodeName === nodeName,
    mayHairpin: endpoint.nodeName === undefined || endpoint.nodeName === nodeName,
  },
  usable: endpoint.ready ? 'ready' : endpoint.serving && endpoint.terminating ? 'terminating' : 'none',
})

const RANK: Readonly<Record<Usability, number>> = { ready: 2, terminating: 1, none: 0 }

/** Symmetric, so that the order of the slices does not matter. */
const better = (a: Candidate, b: Candidate): Candidate => ({
  usable: RANK[a.usable] >= RANK[b.usable] ? a.usable : b.usable,
  endpoint: {
    ...a.endpoint,
    local: a.endpoint.local || b.endpoint.local,
    mayHairpin: a.endpoint.mayHairpin || b.endpoint.mayHairpin,
  },
})

/** Local endpoints first; the order is otherwise that of the candidates. */
function choose(candidates: readonly Candidate[]): readonly Endpoint[] {
  const anyReady = candidates.some((candidate) => candidate.usable === 'ready')
  const wanted: Usability = anyReady ? 'ready' : 'terminating'
  const local: Endpoint[] = []
  const remote: Endpoint[] = []
  for (const { endpoint, usable } of candidates)
    if (usable === wanted) (endpoint.local ? local : remote).push(endpoint)
  return local.length === 0 ? remote : [...local, ...remote]
}
