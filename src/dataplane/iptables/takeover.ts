import type { FamilyConfig } from '../family-config.ts'
import { constantChains, ENTRY_CHAINS, entryJumps } from './constant-chains.ts'
import { MARK_MASQ, POSTROUTING } from './names.ts'
import { type ChainName, emptyPlan, type Plan } from './plan.ts'
import { TABLES } from './rule.ts'
import type { Standing } from './standing.ts'

/**
 * Makes a plan that adds Services to an empty state into one that replaces what stands by them: chains that stay are
 * emptied and filled again, those that no Service has any more go, and our jumps come to the front of the entry chains.
 */
export function takeOver(services: Plan, standing: Standing, config: FamilyConfig): Plan {
  const constant = constantChains(config)
  const wanted: readonly ChainName[] = [
    ...constant.map(({ table, name }) => ({ table, name })),
    ...services.addedChains,
  ]
  const names = new Set(wanted.map(({ table, name }) => `${table} ${name}`))
  const of = (table: string) => standing.tables.find((one) => one.table === table)
  const stands = ({ table, name }: ChainName): boolean => of(table)?.chains.has(name) === true
  const left = leftovers(standing).filter(({ table, name }) => !names.has(`${table} ${name}`))
  return {
    ...services,
    tables: TABLES,
    addedEntries: ENTRY_CHAINS.filter(({ table, name }) => of(table)?.entries.has(name) !== true),
    deletedRules: standing.tables.flatMap(({ jumps }) => jumps),
    flushedChains: [...wanted.filter(stands), ...left],
    addedChains: wanted.filter((chain) => !stands(chain)),
    filledChains: inTurn(constant, services.filledChains),
    insertedRules: [...services.insertedRules, ...entryJumps(config)],
    removedChains: left.filter(({ table, name }) => of(table)?.held.has(name) !== true),
  }
}

/**
 * Takes away all that is ours. Chains that others jump to stay, emptied; KUBE-MARK-MASQ stays as it is while somebody
 * jumps there, and with it the chain that does what the mark asks for.
 */
export function takeAway(standing: Standing, { family }: FamilyConfig): Plan {
  const isMarked = standing.tables.some(({ table, held }) => table === 'nat' && held.has(MARK_MASQ))
  const isKept = ({ table, name }: ChainName): boolean =>
    isMarked && table === 'nat' && (name === MARK_MASQ || name === POSTROUTING)
  const gone = leftovers(standing).filter((chain) => !isKept(chain))
  return {
    ...emptyPlan(family),
    deletedRules: standing.tables.flatMap(({ jumps }) =>
      jumps.filter(({ chain }) => !(isMarked && chain === 'POSTROUTING')),
    ),
    flushedChains: gone,
    removedChains: gone.filter(
      ({ table, name }) => standing.tables.find((one) => one.table === table)?.held.has(name) !== true,
    ),
  }
}

/** What all of them give, made no sooner than it is asked for. */
const inTurn = <Item>(...parts: readonly Iterable<Item>[]): Iterable<Item> => ({
  *[Symbol.iterator]() {
    for (const part of parts) yield* part
  },
})

const leftovers = ({ tables }: Standing): ChainName[] =>
  tables.flatMap(({ table, chains }) => [...chains].map((name) => ({ table, name })))
