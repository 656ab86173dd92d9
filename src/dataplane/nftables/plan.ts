import type { IpFamily } from '../../util/address.ts'
import type { Records } from '../nf-table/records.ts'
import type { ClassName } from './classes.ts'
import type { DataSet, SetName } from './layout.ts'

/** A class and the number that `svcs` calls it by. */
export interface NumberedClass {
  readonly name: ClassName
  readonly number: number
}

/** Elements of one set: first the removed keys go, then the added ones come, so that a key may be in both. */
export interface ElementChanges {
  readonly set: DataSet
  /** Keys only. */
  readonly removed: Records
  /** Keys with their data. */
  readonly added: Records
}

/** The making of a whole table in place of the one that is there, if any. */
export interface Creation {
  readonly sizes: Readonly<Record<SetName, number>>
  /** Set: the table stays for what clients remember in it, and these of its objects go instead. */
  readonly kept: Leftovers | undefined
}

/** What a table has beside the memory of clients. */
export interface Leftovers {
  readonly chains: readonly string[]
  readonly sets: readonly string[]
}

/**
 * What one transaction will do to the table of one family: data, to be printed, compared and committed. Everything
 * in it happens at once or not at all.
 */
export interface Plan {
  readonly family: IpFamily
  /** Set: the table is made anew and what follows is all that is in it. */
  readonly creation: Creation | undefined
  /** Chains of classes to make, each after those that it goes to. */
  readonly addedChains: readonly string[]
  readonly addedClasses: readonly NumberedClass[]
  readonly elements: readonly ElementChanges[]
  readonly removedClasses: readonly NumberedClass[]
  /** Chains to delete, each before those that it goes to. */
  readonly removedChains: readonly string[]
}

/** Elements that the plan removes and adds. */
export const planSize = (plan: Plan): number =>
  plan.elements.reduce((sum, { removed, added }) => sum + removed.count + added.count, 0) +
  plan.addedClasses.length +
  plan.removedClasses.length

export const isEmptyPlan = (plan: Plan): boolean =>
  plan.creation === undefined && planSize(plan) === 0 && plan.addedChains.length === 0
