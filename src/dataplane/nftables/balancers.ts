import { type Balancing, type ClassName, parseClass } from './classes.ts'

/** A chain that picks an endpoint, shared by the classes that go to it. */
export interface Balancer {
  /** Slots to draw from; at least 1. */
  readonly slots: number
  /** Whether they are those of the upper range. */
  readonly upper: boolean
  /** Remembers for so many seconds what a client got; 0 is not at all. */
  readonly affinitySeconds: number
}

/** `lb-3`, of the upper range `lu-3`; with affinity `af-3-t10800`, `au-3-t10800`. */
export const balancerChain = ({ slots, upper, affinitySeconds }: Balancer): string =>
  affinitySeconds > 0
    ? `${upper ? 'au' : 'af'}-${slots}-t${affinitySeconds}`
    : `${upper ? 'lu' : 'lb'}-${slots}`

/** What the name of a balancer's chain says; undefined when it is none. */
export function parseBalancer(name: string): Balancer | undefined {
  const match = /^(?:l([bu])-([1-9]\d*)|a([fu])-([1-9]\d*)-t([1-9]\d*))$/.exec(name)
  if (match === null) return undefined
  const [, direct, slots, remembering, slotsToo, seconds] = match
  return {
    slots: Number(slots ?? slotsToo),
    upper: (direct ?? remembering) === 'u',
    affinitySeconds: Number(seconds ?? 0),
  }
}

/** Of clients that get all endpoints. */
export const mainBalancer = ({ slots, affinitySeconds }: Balancing): Balancer => ({
  slots,
  upper: false,
  affinitySeconds,
})

/** Of clients from outside under policy Local; undefined when they are dropped or the policy is Cluster. */
export const localBalancer = ({ local, affinitySeconds }: Balancing): Balancer | undefined =>
  local === undefined || local.slots === 0 ? undefined : { ...local, affinitySeconds }

/** The chains that a class needs beyond the constant ones, in the order they are made. */
export function chainsOf(name: ClassName): readonly string[] {
  const meaning = parseClass(name)
  if (meaning.does === 'filter') return [...chainsOf(meaning.next), name]
  if (meaning.does !== 'balance') return []
  const local = localBalancer(meaning.balancing)
  const main = balancerChain(mainBalancer(meaning.balancing))
  return local === undefined ? [main, name] : [main, balancerChain(local), name]
}

/** Chains in an order that lets each go before those that it goes to: filters, classes, balancers. */
export function inRemovalOrder(chains: readonly string[]): string[] {
  const depth = (chain: string): number =>
    parseBalancer(chain) !== undefined ? 2 : parseClass(chain).does === 'filter' ? 0 : 1
  return [...chains].sort((a, b) => depth(a) - depth(b))
}
