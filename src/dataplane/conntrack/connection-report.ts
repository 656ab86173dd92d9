import type { ObjectName } from '../../model/object-name.ts'
import type { Protocol } from '../../model/service.ts'
import { FLOW_COLUMNS, FLOW_ROW_WIDTH } from '../../native/conntrack-events.ts'
import type { IpFamily } from '../../util/address.ts'
import { Pacer } from '../../util/pacer.ts'
import type { FrontendKey } from '../desired/frontend.ts'
import { type CountRow, type CountSource, countServices, visitEndpoints } from './flow-counts.ts'
import { formatEndpoint } from './live-endpoints.ts'

/** Totals by the names of FLOW_COLUMNS; `active` is what there is now. */
export type ConnectionNumbers = Readonly<Record<keyof typeof FLOW_COLUMNS, number>>

/** Connections of one endpoint of a Service port. */
export interface EndpointConnections {
  readonly portName: string
  readonly protocol: Protocol
  /** `10.0.0.1:8080`, `[fd00::1]:8080`. */
  readonly endpoint: string
  readonly numbers: ConnectionNumbers
}

export interface ServiceConnections {
  readonly service: ObjectName
  readonly numbers: ConnectionNumbers
  /** Closed connections by life time: up to each of LIFETIME_BOUNDS_SECONDS, and longer. */
  readonly lifetimes: readonly number[]
  /** Those that ever left a connection without an answer; of the Service that was asked for, all that had one. */
  readonly endpoints: readonly EndpointConnections[]
}

/** Connections of all Services that ever had one. */
export interface ConnectionReport {
  readonly total: ConnectionNumbers
  readonly services: readonly ServiceConnections[]
}

/** Reads the counters, with all endpoints of `chosen`. Numbers are totals: rates are the difference of two reports. */
export async function reportConnections(
  source: CountSource,
  chosen: ObjectName | undefined,
): Promise<ConnectionReport> {
  const { total, services } = await countServices(source)
  const endpoints = new Map<ObjectName, EndpointConnections[]>()
  await visitEndpoints(source, ({ service, portName, protocol }, endpoint, row) => {
    if (service !== chosen && row[FLOW_COLUMNS.unreplied] === 0) return
    const known = endpoints.get(service) ?? []
    known.push({ portName, protocol, endpoint: formatEndpoint(endpoint), numbers: named(row) })
    endpoints.set(service, known)
  })
  const pacer = new Pacer()
  const reported: ServiceConnections[] = []
  for (const [service, { counts, lifetimes }] of services) {
    const numbers = named(counts)
    reported.push({
      service,
      numbers,
      lifetimes: [...lifetimes],
      endpoints: endpoints.get(service) ?? NO_CONNECTIONS,
    })
    if (pacer.due()) await pacer.pause()
  }
  return { total: named(total), services: reported }
}

const NO_CONNECTIONS: readonly EndpointConnections[] = []

/** Connections of one frontend, and of each endpoint of its Service port by whatever frontend. */
export interface FrontendConnections {
  readonly frontend: ConnectionNumbers
  readonly endpoints: readonly EndpointConnections[]
}

/** Reads the counters of one frontend; undefined when they do not know it yet. */
export function reportFrontend(
  { events, rows }: CountSource,
  family: IpFamily,
  key: FrontendKey,
): FrontendConnections | undefined {
  const placed = rows.find(family, key)
  if (placed === undefined) return undefined
  const { frontend, row } = placed
  const frontends = new Float64Array((row + 1) * FLOW_ROW_WIDTH)
  events.readFrontends(frontends)
  const endpoints = new Float64Array(rows.endpointRows * FLOW_ROW_WIDTH)
  events.readEndpoints(endpoints)
  return {
    frontend: named(rowOf(frontends, row)),
    endpoints: [...rows.endpointsOf(frontend)].map(({ row, endpoint }) => ({
      portName: frontend.portName,
      protocol: frontend.protocol,
      endpoint: formatEndpoint(endpoint),
      numbers: named(rowOf(endpoints, row)),
    })),
  }
}

const rowOf = (counters: Float64Array, row: number): CountRow =>
  counters.subarray(row * FLOW_ROW_WIDTH, (row + 1) * FLOW_ROW_WIDTH)

function named(row: CountRow): ConnectionNumbers {
  const at = (column: keyof typeof FLOW_COLUMNS): number => row[FLOW_COLUMNS[column]] ?? 0
  return {
    opened: at('opened'),
    closed: at('closed'),
    active: at('active'),
    unreplied: at('unreplied'),
    originalBytes: at('originalBytes'),
    replyBytes: at('replyBytes'),
    originalPackets: at('originalPackets'),
    replyPackets: at('replyPackets'),
  }
}
