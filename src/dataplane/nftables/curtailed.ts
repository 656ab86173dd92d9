import type { Problem } from '../../model/problem.ts'
import type { Frontend } from '../desired/frontend.ts'
import { UPPER_SLOTS } from './layout.ts'
import type { TableState } from './table-state.ts'

/** Warnings about frontends with more endpoints than a range of slots has room for. */
export function curtailedFrontends(state: TableState): Problem[] {
  const problems: Problem[] = []
  for (const { frontend } of state.frontends.values()) {
    const most = Math.max(frontend.endpoints.length, frontend.localEndpoints?.length ?? 0)
    if (most > UPPER_SLOTS) problems.push(curtailed(frontend, most))
  }
  return problems
}

const curtailed = ({ service, key }: Frontend, endpoints: number): Problem => ({
  place: `Service ${service}`,
  severity: 'warning',
  reason: `frontend ${key} has ${endpoints} endpoints, of which nftables mode serves ${UPPER_SLOTS}`,
  remedy: 'spread the endpoints over several Services',
})
