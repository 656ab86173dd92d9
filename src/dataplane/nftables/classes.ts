import type { Frontend } from '../desired/frontend.ts'
import type { Placement } from './placement.ts'

declare const classBrand: unique symbol
/**
 * How connections to a frontend are treated, spelled as the chain that does it: `c-3` balances a cluster IP over
 * three slots. The chain's rules follow from the name, so a class never changes: it comes and goes.
 *
 * | name | meaning |
 * |---|---|
 * | `reject-it`, `drop-it` | nobody is there to take it |
 * | `c-N` | cluster IP, N endpoints |
 * | `x-N` | external, policy Cluster |
 * | `xl-N-L` | external, policy Local: N endpoints for pods and this node, the first L for others |
 * | `xu-N-L` | the same with L endpoints of the upper range for others |
 * | `…-tS` | with an affinity of S seconds |
 * | `f…` | for sources in `lbsrc` only; `f-reject-it` where there is no endpoint |
 */
export type ClassName = string & { readonly [classBrand]: true }

const className = (name: string): ClassName => name as ClassName

export const REJECT = className('reject-it')
export const DROP = className('drop-it')
const FILTERED_REJECT = className(`f-${REJECT}`)

/** Clients from outside under externalTrafficPolicy Local. */
export interface LocalSlots {
  /** 0: they are dropped. */
  readonly slots: number
  readonly upper: boolean
}

/** A class that balances. */
export interface Balancing {
  /**
   * A cluster IP keeps the source of pods; any other way in masquerades, since the answer of an endpoint on another
   * node must come back through this one, unless `local` says otherwise.
   */
  readonly kind: 'cluster' | 'external'
  /** Slots 0 to slots - 1 have an element. */
  readonly slots: number
  readonly local: LocalSlots | undefined
  /** 0 is none. */
  readonly affinitySeconds: number
}

/** What a class name says. */
export type ClassMeaning =
  | { readonly does: 'reject' | 'drop' }
  | { readonly does: 'balance'; readonly balancing: Balancing }
  /** Drops sources that are not in `lbsrc`, then does what `next` does. */
  | { readonly does: 'filter'; readonly next: ClassName }

export function classOf(frontend: Frontend, { slots, upper, leading }: Placement): ClassName {
  const filtered = frontend.sourceRanges.length > 0
  if (slots.length === 0) return frontend.whenEmpty === 'drop' ? DROP : filtered ? FILTERED_REJECT : REJECT
  const local =
    frontend.localEndpoints === undefined
      ? undefined
      : { slots: leading ?? upper.length, upper: leading === undefined }
  const kind = frontend.kind === 'ClusterIP' ? 'cluster' : 'external'
  const { affinitySeconds } = frontend
  const plain =
    local === undefined && affinitySeconds === 0
      ? plainName(kind, slots.length)
      : balancingName({ kind, slots: slots.length, local, affinitySeconds })
  return filtered ? className(`f${plain}`) : plain
}

/** The names of the simplest classes, by slots: most frontends have one of few, and share its text. */
const PLAIN_NAMES: Readonly<Record<Balancing['kind'], ClassName[]>> = { cluster: [], external: [] }
const PLAIN_NAMES_KEPT = 64

function plainName(kind: Balancing['kind'], slots: number): ClassName {
  const known = PLAIN_NAMES[kind][slots]
  if (known !== undefined) return known
  const made = balancingName({ kind, slots, local: undefined, affinitySeconds: 0 })
  if (slots < PLAIN_NAMES_KEPT) PLAIN_NAMES[kind][slots] = made
  return made
}

function balancingName({ kind, slots, local, affinitySeconds }: Balancing): ClassName {
  const way = kind === 'cluster' ? 'c' : local === undefined ? 'x' : local.upper ? 'xu' : 'xl'
  const affinity = affinitySeconds > 0 ? `-t${affinitySeconds}` : ''
  return className(`${way}-${slots}${local === undefined ? '' : `-${local.slots}`}${affinity}`)
}

const NAME = /^(?:(c|x)-([1-9]\d*)|x([lu])-([1-9]\d*)-(\d+))(?:-t([1-9]\d*))?$/

/** Throws a RangeError for a text that is no class. */
export function parseClass(name: string): ClassMeaning {
  if (name === REJECT) return { does: 'reject' }
  if (name === DROP) return { does: 'drop' }
  if (name === FILTERED_REJECT) return { does: 'filter', next: REJECT }
  if (name.startsWith('fx')) {
    parseClass(name.slice(1))
    return { does: 'filter', next: className(name.slice(1)) }
  }
  const match = NAME.exec(name)
  if (match === null) throw new RangeError(`${name} is no class`)
  const [, way, slots, range, slotsOfAll, localSlots, seconds] = match
  const balancing: Balancing = {
    kind: way === 'c' ? 'cluster' : 'external',
    slots: Number(slots ?? slotsOfAll),
    local: range === undefined ? undefined : { slots: Number(localSlots), upper: range === 'u' },
    affinitySeconds: Number(seconds ?? 0),
  }
  return { does: 'balance', balancing }
}

/** Few Services have more endpoints than this; the classes for that many exist before anyone needs them. */
const LIKELY_SLOTS = 8

const likely = (kind: Balancing['kind']): readonly ClassName[] =>
  Array.from({ length: LIKELY_SLOTS }, (_, i) =>
    balancingName({ kind, slots: i + 1, local: undefined, affinitySeconds: 0 }),
  )

/**
 * Classes that a new table starts with: the first use of a class is the one change that makes the kernel look at
 * the whole table again, so likely ones are there ahead.
 */
export const LIKELY_CLASSES: readonly ClassName[] = [
  REJECT,
  DROP,
  ...likely('cluster'),
  ...likely('external'),
]
