import type { ObjectName } from '../../model/object-name.ts'
import { type ConntrackEvents, FLOW_ROW_WIDTH } from '../../native/conntrack-events.ts'
import type { FlowRows } from './flow-rows.ts'

/** Numbers of one Service, or of all: a row as FLOW_COLUMNS names it, summed over frontends. */
export interface ServiceCounts {
  /** Including Services that are gone; active flows are those of Services that are there. */
  readonly total: Float64Array
  readonly services: ReadonlyMap<ObjectName, Float64Array>
}

/** Reads the frontends' rows and sums them up by Service. */
export function readServiceCounts(events: ConntrackEvents, rows: FlowRows): ServiceCounts {
  const numbers = new Float64Array(rows.frontendRows * FLOW_ROW_WIDTH)
  events.readFrontends(numbers)
  const total = new Float64Array(FLOW_ROW_WIDTH)
  events.readRetired(total)
  const services = new Map<ObjectName, Float64Array>()
  for (const { row, frontend } of rows.frontends()) {
    let sums = services.get(frontend.service)
    if (sums === undefined) {
      sums = new Float64Array(FLOW_ROW_WIDTH)
      services.set(frontend.service, sums)
    }
    for (let column = 0; column < FLOW_ROW_WIDTH; column++) {
      const value = numbers[row * FLOW_ROW_WIDTH + column] ?? 0
      sums[column] = (sums[column] ?? 0) + value
      total[column] = (total[column] ?? 0) + value
    }
  }
  return { total, services }
}

/** The `limit` Services with most in a column, most first; those with nothing at all are left out. */
export function topServices(
  counts: ServiceCounts,
  column: number,
  limit: number,
): readonly (readonly [ObjectName, Float64Array])[] {
  return [...counts.services]
    .filter(([, row]) => row.some((value) => value > 0))
    .sort(([, a], [, b]) => (b[column] ?? 0) - (a[column] ?? 0))
    .slice(0, limit)
}
