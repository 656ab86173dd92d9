import type { Endpoint } from '../desired/frontend.ts'

/** The endpoints of a frontend by slot: a new connection draws a number below the length and takes that slot. */
export type Slots = readonly Endpoint[]

export interface SlotUpdate {
  /** Slots whose element goes (also those that get another endpoint: the kernel has no replace). */
  readonly removed: readonly number[]
  /** Slots that get an element; their endpoint is in `slots`. */
  readonly added: readonly number[]
  readonly slots: Slots
}

const NO_SLOTS: readonly number[] = []
const UNCHANGED: SlotUpdate = { removed: NO_SLOTS, added: NO_SLOTS, slots: [] }

/**
 * Places `endpoints` so that as few slots as possible change: what stays keeps its slot, a hole is filled by what is
 * new, else by the endpoint of the last slot. Slots below `localCount` are only for the first `localCount` endpoints,
 * so that a draw modulo `localCount` meets local endpoints alone.
 */
export function placeEndpoints(
  before: Slots,
  endpoints: readonly Endpoint[],
  localCount = endpoints.length,
): SlotUpdate {
  if (before.length === 0 && endpoints.length === 0) return UNCHANGED
  if (before.length === 0) return { removed: NO_SLOTS, added: firstSlots(endpoints.length), slots: endpoints }
  if (endpoints.length === 0) return { removed: [...before.keys()], added: NO_SLOTS, slots: endpoints }
  const slots: (Endpoint | undefined)[] = new Array(endpoints.length).fill(undefined)
  placeZone(before, endpoints, slots, 0, localCount)
  placeZone(before, endpoints, slots, localCount, endpoints.length)
  return difference(
    before,
    slots.filter((endpoint) => endpoint !== undefined),
  )
}

/** The first so many slots, of which new frontends have all; most of them share a list. */
const FIRST_SLOTS: (readonly number[])[] = []
const FIRST_SLOTS_KEPT = 64

function firstSlots(count: number): readonly number[] {
  const known = FIRST_SLOTS[count]
  if (known !== undefined) return known
  const made = Array.from({ length: count }, (_, slot) => slot)
  if (count < FIRST_SLOTS_KEPT) FIRST_SLOTS[count] = made
  return made
}

/** Up to so many endpoints are compared with each other rather than looked up: a bit for each fits a number. */
const FEW = 16

/** Fills the slots [from, to) with the endpoints at those indexes. */
function placeZone(
  before: Slots,
  endpoints: readonly Endpoint[],
  slots: (Endpoint | undefined)[],
  from: number,
  to: number,
): void {
  if (to - from <= FEW) placeFew(before, endpoints, slots, from, to)
  else placeMany(before, endpoints, slots, from, to)
}

function placeFew(
  before: Slots,
  endpoints: readonly Endpoint[],
  slots: (Endpoint | undefined)[],
  from: number,
  to: number,
): void {
  let placed = 0
  for (let slot = from; slot < Math.min(to, before.length); slot++) {
    const old = before[slot]
    for (let i = from; i < to; i++) {
      if ((placed & (1 << (i - from))) !== 0 || old === undefined || !sameEndpoint(old, endpoints[i]))
        continue
      slots[slot] = endpoints[i]
      placed |= 1 << (i - from)
      break
    }
  }
  let next = from
  for (let slot = from; slot < to; slot++) {
    if (slots[slot] !== undefined) continue
    while ((placed & (1 << (next - from))) !== 0) next++
    slots[slot] = endpoints[next++]
  }
}

function placeMany(
  before: Slots,
  endpoints: readonly Endpoint[],
  slots: (Endpoint | undefined)[],
  from: number,
  to: number,
): void {
  const wanted = new Map<string, Endpoint>()
  for (let i = from; i < to; i++) {
    const endpoint = endpoints[i]
    if (endpoint !== undefined) wanted.set(identity(endpoint), endpoint)
  }
  for (let slot = from; slot < Math.min(to, before.length); slot++) {
    const stays = take(wanted, before[slot])
    if (stays !== undefined) slots[slot] = stays
  }
  const homeless = wanted.values()
  for (let slot = from; slot < to; slot++) slots[slot] ??= homeless.next().value
}

function take(wanted: Map<string, Endpoint>, endpoint: Endpoint | undefined): Endpoint | undefined {
  if (endpoint === undefined) return undefined
  const key = identity(endpoint)
  const found = wanted.get(key)
  wanted.delete(key)
  return found
}

function difference(before: Slots, slots: Slots): SlotUpdate {
  const removed: number[] = []
  const added: number[] = []
  for (let slot = 0; slot < Math.max(before.length, slots.length); slot++) {
    const old = before[slot]
    const now = slots[slot]
    if (old !== undefined && sameEndpoint(old, now)) continue
    if (old !== undefined) removed.push(slot)
    if (now !== undefined) added.push(slot)
  }
  return { removed, added, slots }
}

export const sameEndpoint = (a: Endpoint, b: Endpoint | undefined): boolean =>
  b !== undefined && a.address === b.address && a.port === b.port

const identity = (endpoint: Endpoint): string => `${endpoint.address}/${endpoint.port}`
