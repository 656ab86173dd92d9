import type { Endpoint, Frontend } from '../desired/frontend.ts'
import { UPPER_SLOTS } from './layout.ts'
import { placeEndpoints, type Slots, type SlotUpdate, sameEndpoint } from './slots.ts'

/** Where the endpoints of a frontend are. */
export interface Placement {
  /** From slot 0 on: `Frontend.endpoints`. */
  readonly slots: Slots
  /** From slot UPPER_SLOTS on: `Frontend.localEndpoints`, unless `leading` has them. */
  readonly upper: Slots
  /** Set when the first so many of `slots` are `Frontend.localEndpoints`, which then need no slots of their own. */
  readonly leading: number | undefined
}

const NO_SLOTS: Slots = []
export const NOWHERE: Placement = { slots: NO_SLOTS, upper: NO_SLOTS, leading: undefined }

export interface PlacementUpdate {
  readonly lower: SlotUpdate
  readonly upper: SlotUpdate
  readonly after: Placement
}

/** Moves as few endpoints as possible; undefined takes all of them away. */
export function place(before: Placement, frontend: Frontend | undefined): PlacementUpdate {
  const endpoints = fitting(frontend?.endpoints ?? NO_SLOTS)
  const leading = frontend === undefined ? undefined : leadingCount(frontend)
  const apart = leading === undefined ? fitting(frontend?.localEndpoints ?? NO_SLOTS) : NO_SLOTS
  const lower = placeEndpoints(before.slots, endpoints, leading)
  const upper = placeEndpoints(before.upper, apart)
  return { lower, upper, after: { slots: lower.slots, upper: upper.slots, leading } }
}

/** A frontend has room for so many endpoints in each range; `curtailedFrontends` says where more were wanted. */
const fitting = (endpoints: readonly Endpoint[]): readonly Endpoint[] =>
  endpoints.length <= UPPER_SLOTS ? endpoints : endpoints.slice(0, UPPER_SLOTS)

/**
 * How many of the first endpoints are all that clients from outside may get; undefined when those need slots of their
 * own: they are others, or IDs that affinity must not confuse with those of pods and this node.
 */
function leadingCount({ endpoints, localEndpoints, affinitySeconds }: Frontend): number | undefined {
  if (localEndpoints === undefined || affinitySeconds > 0) return undefined
  const leads = localEndpoints.every((endpoint, i) => sameEndpoint(endpoint, endpoints[i]))
  return leads ? localEndpoints.length : undefined
}
