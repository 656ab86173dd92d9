import type { EndpointSlice, SliceEndpoint } from '../../model/endpoint-slice.ts'
import type { ObjectName } from '../../model/object-name.ts'
import type { Service } from '../../model/service.ts'
import type { Endpoint, Frontend } from '../desired/frontend.ts'
import type { ExplainedEndpoint } from './explanation.ts'

interface EndpointWorld {
  readonly nodeName: string
  readonly service: (name: ObjectName) => Service | undefined
  readonly slices: (service: ObjectName) => readonly EndpointSlice[]
  /** The clients come from outside, under externalTrafficPolicy Local. */
  readonly outside: boolean
}

/** Every endpoint that the Service's slices name for this port, with why it is among the chosen or is not. */
export function explainEndpoints(
  frontend: Frontend,
  chosen: readonly Endpoint[],
  world: EndpointWorld,
): readonly ExplainedEndpoint[] {
  const taken = new Set(chosen.map(({ address, port }) => `${address} ${port}`))
  const internal = frontend.kind === 'ClusterIP'
  const policy =
    internal && world.service(frontend.service)?.internalTrafficPolicy === 'Local'
      ? 'internalTrafficPolicy is Local'
      : world.outside
        ? 'externalTrafficPolicy is Local'
        : undefined
  const explained = new Map<string, ExplainedEndpoint>()
  for (const { endpoint, port } of named(frontend, world)) {
    const key = `${endpoint.address} ${port}`
    const { address, nodeName, zone } = endpoint
    const isTaken = taken.has(key)
    const why = isTaken ? whyTaken(endpoint) : whyRefused(endpoint, world.nodeName, policy)
    // Several slices may name one endpoint: the one that says ready is the one that counts.
    if (explained.has(key) && !endpoint.ready) continue
    explained.set(key, { address, port, nodeName, zone, taken: isTaken, why })
  }
  return [...explained.values()].sort((a, b) => Number(b.taken) - Number(a.taken) || compare(a, b))
}

function* named(
  frontend: Frontend,
  world: EndpointWorld,
): Iterable<{ readonly endpoint: SliceEndpoint; readonly port: number }> {
  for (const slice of world.slices(frontend.service)) {
    if (slice.family !== frontend.family) continue
    for (const { name, protocol, port } of slice.ports) {
      if (name !== frontend.portName || protocol !== frontend.protocol) continue
      for (const endpoint of slice.endpoints) yield { endpoint, port }
    }
  }
}

const whyTaken = ({ ready }: SliceEndpoint): string =>
  ready ? 'ready' : 'terminating but serving, and none is ready'

/** In the order in which the dataplane sorts out: conditions, policy, hints. */
function whyRefused(endpoint: SliceEndpoint, ownName: string, policy: string | undefined): string {
  const { ready, serving, terminating, nodeName, forNodes, forZones } = endpoint
  if (!ready && terminating && !serving) return 'terminating, and no longer serving'
  if (!ready && !terminating) return 'not ready'
  if (policy !== undefined && nodeName !== ownName)
    return `${policy}, and it is on ${nodeName === undefined ? 'no known node' : `node ${nodeName}`}`
  if (!ready) return 'terminating, and others are ready; it keeps the connections it has'
  if (forNodes.length > 0) return `its hints give it to nodes ${forNodes.join(', ')}`
  if (forZones.length > 0) return `its hints give it to zones ${forZones.join(', ')}`
  return 'others are hinted to this node'
}

function compare(a: ExplainedEndpoint, b: ExplainedEndpoint): number {
  if (a.address !== b.address) return a.address < b.address ? -1 : 1
  return a.port - b.port
}
