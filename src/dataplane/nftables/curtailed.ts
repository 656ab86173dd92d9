import type { Problem } from '../../model/problem.ts'
import type { Frontend } from '../desired/frontend.ts'
import { UPPER_SLOTS } from './layout.ts'
import type { TableState } from './table-state.ts'

/** Warnings about frontends with more endpoints than a range of slots has room for. */
export const curtailedFrontends = ({ curtailed }: TableState): Problem[] =>
  [...curtailed.values()].map(warning)

export const isCurtailed = (frontend: Frontend): boolean => mostEndpoints(frontend) > UPPER_SLOTS

const mostEndpoints = ({ endpoints, localEndpoints = [] }: Frontend): number =>
  Math.max(endpoints.length, localEndpoints.length)

const warning = (frontend: Frontend): Problem => ({
  place: `Service ${frontend.service}`,
  severity: 'warning',
  reason: `frontend ${frontend.key} has ${mostEndpoints(frontend)} endpoints, of which nftables mode serves ${UPPER_SLOTS}`,
  remedy: 'spread the endpoints over several Services',
})
