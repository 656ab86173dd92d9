import type { Endpoint, Frontend } from '../desired/frontend.ts'
import { type SetWriters, writeEndpointOfId, writeSlot, writeSlotId } from './element-writers.ts'
import { endpointIds } from './endpoint-ids.ts'
import { UPPER_SLOTS } from './layout.ts'
import type { Placement, PlacementUpdate } from './placement.ts'
import { sameEndpoint } from './slots.ts'

/** A frontend with its endpoints in their slots. */
export interface Placed extends Placement {
  readonly frontend: Frontend
}

/** What goes out of the table and what comes in. */
export interface DifferenceWriters {
  /** Keys only. */
  readonly removed: SetWriters
  /** Keys with their data. */
  readonly added: SetWriters
}

/** Writes the endpoints of a frontend at the one of its addresses that `key` is the service key of. */
export function writeEndpoints(into: SetWriters, key: Uint8Array, placed: Placed): void {
  if (hasAffinity(placed)) {
    const { slots, endpoints } = idTables(placed)
    for (const [slot, id] of slots) writeSlotId(into.aidx, key, slot, id)
    for (const [id, endpoint] of endpoints) writeEndpointOfId(into.aeps, key, id, endpoint)
    return
  }
  placed.slots.forEach((endpoint, slot) => {
    writeSlot(into.eps, key, slot, endpoint)
  })
  placed.upper.forEach((endpoint, slot) => {
    writeSlot(into.eps, key, UPPER_SLOTS + slot, endpoint)
  })
}

/** Writes how the endpoints at one address get from `before` to `after`; `placement` is the same as slots. */
export function writeEndpointDifference(
  writers: DifferenceWriters,
  key: Uint8Array,
  before: Placed | undefined,
  after: Placed | undefined,
  { lower, upper }: PlacementUpdate,
): void {
  const { removed, added } = writers
  if (hasAffinity(before) || hasAffinity(after)) {
    writeAffinityDifference(writers, key, before, after)
    return
  }
  for (const slot of lower.removed) writeSlot(removed.eps, key, slot)
  for (const slot of lower.added) writeSlot(added.eps, key, slot, lower.slots[slot])
  for (const slot of upper.removed) writeSlot(removed.eps, key, UPPER_SLOTS + slot)
  for (const slot of upper.added) writeSlot(added.eps, key, UPPER_SLOTS + slot, upper.slots[slot])
}

/** Between one with affinity and another, which may have none: then its endpoints are in another map. */
function writeAffinityDifference(
  { removed, added }: DifferenceWriters,
  key: Uint8Array,
  before: Placed | undefined,
  after: Placed | undefined,
): void {
  if (before !== undefined && !hasAffinity(before)) {
    for (const slot of before.slots.keys()) writeSlot(removed.eps, key, slot)
    for (const slot of before.upper.keys()) writeSlot(removed.eps, key, UPPER_SLOTS + slot)
  }
  const old = idTables(before)
  const now = idTables(after)
  for (const [slot, id] of old.slots) if (now.slots.get(slot) !== id) writeSlotId(removed.aidx, key, slot)
  for (const [slot, id] of now.slots) if (old.slots.get(slot) !== id) writeSlotId(added.aidx, key, slot, id)
  for (const [id, endpoint] of old.endpoints)
    if (!sameEndpoint(endpoint, now.endpoints.get(id))) writeEndpointOfId(removed.aeps, key, id)
  for (const [id, endpoint] of now.endpoints)
    if (!sameEndpoint(endpoint, old.endpoints.get(id))) writeEndpointOfId(added.aeps, key, id, endpoint)
  if (after !== undefined && !hasAffinity(after)) writeEndpoints(added, key, after)
}

/** Elements of `aidx` and of `aeps`. */
interface IdTables {
  readonly slots: ReadonlyMap<number, number>
  readonly endpoints: ReadonlyMap<number, Endpoint>
}

const NO_TABLES: IdTables = { slots: new Map(), endpoints: new Map() }

/** Empty for one without affinity. */
function idTables(placed: Placed | undefined): IdTables {
  if (placed === undefined || !hasAffinity(placed)) return NO_TABLES
  const ids = endpointIds(placed.frontend, placed)
  const slots = new Map<number, number>()
  const endpoints = new Map<number, Endpoint>()
  const enter = (range: readonly Endpoint[], numbers: readonly number[], offset: number): void => {
    range.forEach((endpoint, slot) => {
      const id = numbers[slot] ?? 0
      slots.set(offset + slot, id)
      endpoints.set(id, endpoint)
    })
  }
  enter(placed.slots, ids.slots, 0)
  enter(placed.upper, ids.upper, UPPER_SLOTS)
  return { slots, endpoints }
}

const hasAffinity = (placed: Placed | undefined): boolean =>
  placed !== undefined && placed.frontend.affinitySeconds > 0
