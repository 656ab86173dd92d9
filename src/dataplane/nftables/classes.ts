import type { Frontend } from '../desired/frontend.ts'

declare const classBrand: unique symbol
/**
 * How connections to a frontend are treated, spelled as the chain that does it: `c-3` balances a cluster IP over
 * three slots. The chain's rules follow from the name, so a class never changes: it comes and goes.
 */
export type ClassName = string & { readonly [classBrand]: true }

const className = (name: string): ClassName => name as ClassName

export const REJECT = className('reject-it')
export const DROP = className('drop-it')

/**
 * A cluster IP's class keeps the source of pods; any other way in (`x`) always masquerades, since the answer of an
 * endpoint on another node must come back through this one.
 */
export type ClassKind = 'c' | 'x'

export interface Balancing {
  readonly kind: ClassKind
  /** Slots 0 to slots - 1 have an element. */
  readonly slots: number
}

export function classOf(frontend: Frontend): ClassName {
  const slots = frontend.endpoints.length
  if (frontend.sourceRanges.length > 0) return DROP
  if (slots === 0) return frontend.whenEmpty === 'reject' ? REJECT : DROP
  return className(`${frontend.kind === 'ClusterIP' ? 'c' : 'x'}-${slots}`)
}

/** What a class name says; undefined for the two that take no connection. Throws a RangeError for any other text. */
export function parseClass(name: string): Balancing | undefined {
  if (name === REJECT || name === DROP) return undefined
  const match = /^([cx])-([1-9]\d*)$/.exec(name)
  if (match === null) throw new RangeError(`${name} is no class`)
  return { kind: match[1] === 'c' ? 'c' : 'x', slots: Number(match[2]) }
}

export const balancerChain = (slots: number): string => `lb-${slots}`

/** The chains that a class needs beyond the constant ones, in the order they are made. */
export function chainsOf(name: ClassName): readonly string[] {
  const balancing = parseClass(name)
  return balancing === undefined ? [] : [balancerChain(balancing.slots), name]
}

/** Few Services have more endpoints than this; the classes for that many exist before anyone needs them. */
const LIKELY_SLOTS = 8

/**
 * Classes that a new table starts with: the first use of a class is the one change that makes the kernel look at
 * the whole table again, so likely ones are there ahead.
 */
export const LIKELY_CLASSES: readonly ClassName[] = [
  REJECT,
  DROP,
  ...Array.from({ length: LIKELY_SLOTS }, (_, i) => className(`c-${i + 1}`)),
]

/**
 * Class numbers live under a traffic-control major of their own (`4857:n`, "HW"), so that no packet's priority is
 * one of them by chance (it comes from SO_PRIORITY, DSCP or other rules).
 */
const MAJOR = 0x4857 << 16
export const LAST_CLASS_NUMBER = MAJOR | 0xffff

/** Numbers of the classes that the kernel's table has. */
export class ClassNumbers {
  readonly #numbers = new Map<ClassName, number>()
  #last = MAJOR

  get(name: ClassName): number | undefined {
    return this.#numbers.get(name)
  }

  has(name: ClassName): boolean {
    return this.#numbers.has(name)
  }

  names(): IterableIterator<ClassName> {
    return this.#numbers.keys()
  }

  get size(): number {
    return this.#numbers.size
  }

  /** The highest number ever given; numbers are not given twice in the life of a table. */
  get last(): number {
    return this.#last
  }

  set(name: ClassName, number: number): void {
    this.#numbers.set(name, number)
    this.#last = Math.max(this.#last, number)
  }

  delete(name: ClassName): void {
    this.#numbers.delete(name)
  }
}
