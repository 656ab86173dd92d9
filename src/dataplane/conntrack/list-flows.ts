import type { ObjectName } from '../../model/object-name.ts'
import type { Protocol } from '../../model/service.ts'
import {
  CONNTRACK_PROTOCOLS,
  type ConntrackEntry,
  type ConntrackFilter,
  ConntrackSocket,
} from '../../native/conntrack.ts'
import { familyOf, type IpAddress, type IpFamily } from '../../util/address.ts'
import { Pacer } from '../../util/pacer.ts'
import { type Frontend, type FrontendKey, frontendKey } from '../desired/frontend.ts'
import { formatEndpoint } from './live-endpoints.ts'

/** Which connections of Services somebody wants to see. */
export interface FlowQuery {
  readonly service: ObjectName | undefined
  readonly endpoint: IpAddress | undefined
  /** So many at most. */
  readonly limit: number
}

/** A connection that the kernel tracks. */
export interface ListedFlow {
  readonly protocol: Protocol
  readonly client: string
  /** Where the client sends to. */
  readonly frontend: string
  readonly endpoint: string
  /** Undefined: no Service answers there any more. */
  readonly service: ObjectName | undefined
  /** Empty for the unnamed port. */
  readonly portName: string
  /** The endpoint has answered. */
  readonly replied: boolean
  /** Seconds until the kernel forgets it, when nothing more comes. */
  readonly timeoutSeconds: number
}

export interface FlowList {
  readonly flows: readonly ListedFlow[]
  /** Connections there are, listed or not. */
  readonly matched: number
}

/** Whose connections there can be. */
export interface FlowWorld {
  readonly frontends: ReadonlyMap<IpFamily, ReadonlyMap<FrontendKey, Frontend>>
  readonly nodeAddresses: readonly IpAddress[]
  /** Conntrack translates them; false where IPVS does: then they are found among all others by their frontends. */
  readonly translated: boolean
  readonly netns: string | undefined
}

/** IPS_SEEN_REPLY of linux/netfilter/nf_conntrack_common.h. */
const SEEN_REPLY = 2

/** Looked through for those of IPVS, at the price of 92 bytes each. */
const MOST_LOOKED_THROUGH = 100_000

/**
 * Lists connections of Services, in memory that the limit bounds and not the kernel's table. Rejects with a NetlinkError
 * when that cannot be read.
 */
export async function listFlows(query: FlowQuery, world: FlowWorld): Promise<FlowList> {
  const filters = await filtersOf(query, world)
  const socket = await ConntrackSocket.open(world.netns === undefined ? {} : { netns: world.netns })
  try {
    const wanted = world.translated ? query.limit : MOST_LOOKED_THROUGH
    const { entries, matched } = await socket.findSome(filters, wanted)
    const pacer = new Pacer()
    const flows: ListedFlow[] = []
    let others = 0
    for (const entry of entries) {
      const flow = toFlow(entry, world)
      if (flow === undefined) others++
      else if (flows.length < query.limit) flows.push(flow)
      if (pacer.due()) await pacer.pause()
    }
    return { flows, matched: matched - others }
  } finally {
    await socket.close()
  }
}

/** The kernel applies one filter itself; several take one pass, and only what matches is kept. */
async function filtersOf(
  { service, endpoint }: FlowQuery,
  { frontends, nodeAddresses, translated }: FlowWorld,
): Promise<readonly ConntrackFilter[]> {
  const towards = {
    ...(endpoint === undefined ? {} : { reply: { source: endpoint } }),
    ...(translated ? { translated } : {}),
  }
  if (service === undefined) {
    const families = endpoint === undefined ? [...frontends.keys()] : [familyOf(endpoint)]
    return families.map((family) => ({ family, ...towards }))
  }
  const filters: ConntrackFilter[] = []
  const pacer = new Pacer()
  for (const [family, ofFamily] of frontends) {
    if (endpoint !== undefined && familyOf(endpoint) !== family) continue
    for (const { service: name, address, protocol, port } of ofFamily.values()) {
      if (pacer.due()) await pacer.pause()
      if (name !== service) continue
      const addresses =
        address === undefined ? nodeAddresses.filter((own) => familyOf(own) === family) : [address]
      for (const destination of addresses)
        filters.push({
          ...{ family, protocol, ...towards },
          original: { destination, destinationPort: port },
        })
    }
  }
  return filters
}

/** Undefined for what no Service has, such as ICMP. */
function toFlow(entry: ConntrackEntry, world: FlowWorld): ListedFlow | undefined {
  const protocol = PROTOCOLS.get(entry.protocol)
  if (protocol === undefined) return undefined
  const { original, reply, status, timeoutSeconds } = entry
  const { destination: address, destinationPort: port } = original
  const frontends = world.frontends.get(entry.family)
  const frontend =
    frontends?.get(frontendKey(address, protocol, port)) ??
    (world.nodeAddresses.includes(address)
      ? frontends?.get(frontendKey(undefined, protocol, port))
      : undefined)
  const rewritten = reply.source !== address || reply.sourcePort !== port
  if (!world.translated && (frontend === undefined || !rewritten)) return undefined
  return {
    protocol,
    client: formatEndpoint({ address: original.source, port: original.sourcePort }),
    frontend: formatEndpoint({ address, port }),
    endpoint: formatEndpoint({ address: reply.source, port: reply.sourcePort }),
    service: frontend?.service,
    portName: frontend?.portName ?? '',
    replied: (status & SEEN_REPLY) !== 0,
    timeoutSeconds,
  }
}

const PROTOCOLS: ReadonlyMap<number, Protocol> = new Map(
  (['TCP', 'UDP', 'SCTP'] as const).map((name) => [CONNTRACK_PROTOCOLS[name], name]),
)
