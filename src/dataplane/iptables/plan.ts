import type { ObjectName } from '../../model/object-name.ts'
import type { IpFamily } from '../../util/address.ts'
import type { EntryChain } from './constant-chains.ts'
import type { Chain, PlacedRule, Rule, Table } from './rule.ts'

export interface ChainName {
  readonly table: Table
  readonly name: string
  /** Whose chain it is; undefined for those that all Services share. */
  readonly service?: ObjectName
}

/** A chain's rules to be written behind what it has. */
export interface FilledChain extends Chain {
  readonly service?: ObjectName
}

/** A rule to be put in front of its chain. */
export interface InsertedRule extends PlacedRule {
  /** Whose rule it is; its handle will be asked for. */
  readonly service?: ObjectName
}

/** A rule to be deleted, by the kernel's number. */
export interface DeletedRule {
  readonly table: Table
  readonly chain: string
  readonly handle: number
  /** What it says, when it is known. */
  readonly rule?: Rule
  readonly service?: ObjectName
}

/**
 * What one transaction will do to the tables of one family, in this order: data, to be printed, compared and
 * committed. Everything in it happens at once or not at all.
 */
export interface Plan {
  readonly family: IpFamily
  /** Tables that have to exist. Those that do are left as they are. */
  readonly tables: readonly Table[]
  readonly addedEntries: readonly EntryChain[]
  readonly deletedRules: readonly DeletedRule[]
  readonly flushedChains: readonly ChainName[]
  readonly addedChains: readonly ChainName[]
  /** Made as they are asked for, where they are many: what says so is a tenth of what they are. */
  readonly filledChains: Iterable<FilledChain>
  /** In the order in which they will stand. */
  readonly insertedRules: readonly InsertedRule[]
  readonly removedChains: readonly ChainName[]
}

export const emptyPlan = (family: IpFamily): Plan => ({
  family,
  tables: [],
  addedEntries: [],
  deletedRules: [],
  flushedChains: [],
  addedChains: [],
  filledChains: [],
  insertedRules: [],
  removedChains: [],
})

/** Of one that was made by comparing: it fills no chain that it does not add or flush. */
export const isEmptyPlan = (plan: Plan): boolean =>
  Object.values(plan).every((part) => !Array.isArray(part) || part.length === 0)
