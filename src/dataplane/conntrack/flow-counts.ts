import type { ObjectName } from '../../model/object-name.ts'
import { type ConntrackEvents, FLOW_COLUMNS, FLOW_ROW_WIDTH } from '../../native/conntrack-events.ts'
import { Pacer } from '../../util/pacer.ts'
import type { EndpointRow, FlowRows, ServicePortGroup } from './flow-rows.ts'

/** Eight numbers as FLOW_COLUMNS or LIFETIME_BOUNDS_SECONDS name them. */
export type CountRow = Float64Array

/** The native counters and whose they are. */
export interface CountSource {
  readonly events: Pick<
    ConntrackEvents,
    'status' | 'readFrontends' | 'readEndpoints' | 'readLifetimes' | 'readRetired'
  >
  readonly rows: FlowRows
}

/** Connections of one Service, summed over its frontends. */
export interface ServiceCounts {
  readonly counts: CountRow
  /** Closed connections by life time. */
  readonly lifetimes: CountRow
}

export interface FlowCounts {
  /** Including Services that are gone; active flows are those of Services that are there. */
  readonly total: CountRow
  /** Services that ever had a connection. */
  readonly services: ReadonlyMap<ObjectName, ServiceCounts>
}

/** Reads the frontends' counters and sums them up by Service, a slice of the event loop at a time. */
export const countServices = ({ events, rows }: CountSource): Promise<FlowCounts> =>
  rows.reading(async () => {
    const counters = new Float64Array(rows.frontendRows * FLOW_ROW_WIDTH)
    const lifetimes = new Float64Array(rows.frontendRows * FLOW_ROW_WIDTH)
    events.readFrontends(counters)
    events.readLifetimes(lifetimes)
    const total = new Float64Array(FLOW_ROW_WIDTH)
    events.readRetired(total)
    const services = new Map<ObjectName, ServiceCounts>()
    const pacer = new Pacer()
    for (const { row, frontend } of rows.frontends()) {
      if (pacer.due()) await pacer.pause()
      if (isIdle(counters, row)) continue
      let sums = services.get(frontend.service)
      if (sums === undefined) {
        sums = { counts: new Float64Array(FLOW_ROW_WIDTH), lifetimes: new Float64Array(FLOW_ROW_WIDTH) }
        services.set(frontend.service, sums)
      }
      addRow(sums.counts, counters, row)
      addRow(sums.lifetimes, lifetimes, row)
      addRow(total, counters, row)
    }
    return { total, services }
  })

/** Told of one endpoint that ever had a connection; the row is good for the time of the call. */
export type EndpointVisitor = (
  group: ServicePortGroup,
  endpoint: EndpointRow['endpoint'],
  row: CountRow,
) => void

/** Reads the endpoints' counters, a slice of the event loop at a time. */
export const visitEndpoints = ({ events, rows }: CountSource, visit: EndpointVisitor): Promise<void> =>
  rows.reading(async () => {
    const counters = new Float64Array(rows.endpointRows * FLOW_ROW_WIDTH)
    events.readEndpoints(counters)
    const pacer = new Pacer()
    for (const [group, endpoints] of rows.groups()) {
      for (const { row, endpoint } of endpoints)
        if (!isIdle(counters, row))
          visit(group, endpoint, counters.subarray(row * FLOW_ROW_WIDTH, (row + 1) * FLOW_ROW_WIDTH))
      if (pacer.due()) await pacer.pause()
    }
  })

/** Rows that came after the numbers were copied are beyond their end, and idle. */
function isIdle(counters: Float64Array, row: number): boolean {
  const start = row * FLOW_ROW_WIDTH
  return !(counters[start + FLOW_COLUMNS.opened] || counters[start + FLOW_COLUMNS.active])
}

function addRow(sums: CountRow, counters: Float64Array, row: number): void {
  const start = row * FLOW_ROW_WIDTH
  for (let column = 0; column < FLOW_ROW_WIDTH; column++)
    sums[column] = (sums[column] ?? 0) + (counters[start + column] ?? 0)
}
