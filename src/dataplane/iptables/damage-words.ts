import type { IpFamily } from '../../util/address.ts'
import type { FamilyConfig } from '../family-config.ts'
import type { ChainDamage } from './compare-chain.ts'
import { formatRule } from './format-rule.ts'
import type { BrokenJumps } from './jumps.ts'
import type { ChainName } from './plan.ts'
import { TABLES, type Table } from './rule.ts'
import { sharedRule } from './shared-rule.ts'
import type { TableState } from './table-state.ts'

/** Differences named one by one in each table; how many more there are is said as a number. */
const NAMED_DIFFERENCES = 5

/** All that an audit found. */
export interface Damages {
  readonly damages: readonly ChainDamage[]
  /** Chains that have a name of ours and are not. */
  readonly foreign: readonly ChainName[]
  readonly jumps: readonly BrokenJumps[]
}

/** Table by table, the first of each. */
export const differencesInWords = (
  { damages, foreign, jumps }: Damages,
  state: TableState,
  config: FamilyConfig,
): string[] =>
  TABLES.flatMap((table) =>
    inWords(table, [
      ...damages
        .filter(({ expected }) => expected.chain.table === table)
        .flatMap((damage) => damageInWords(damage, state, config)),
      ...foreign.filter((chain) => chain.table === table).map(({ name }) => `chain ${name} is not ours`),
      ...jumps
        .filter((broken) => broken.table === table)
        .flatMap((broken) => jumpsInWords(broken, config.family)),
    ]),
  )

function damageInWords(
  { expected, isGone, lacks, wrong }: ChainDamage,
  state: TableState,
  config: FamilyConfig,
): string[] {
  const { name } = expected.chain
  if (isGone) return [`chain ${name} is gone`]
  return [
    ...lacks.map((place) => {
      const placed = sharedRule(place, state, config)
      return `chain ${name} lacks ${placed === undefined ? 'a rule' : formatRule(placed.rule, config.family)}`
    }),
    ...(wrong === undefined ? [] : [`chain ${name} has other rules`]),
  ]
}

const jumpsInWords = ({ chain, lacks }: BrokenJumps, family: IpFamily): string[] =>
  lacks.map(({ rule }) => `chain ${chain} lacks ${formatRule(rule, family)}`)

/** The first of them, each with its table. */
export function inWords(table: Table, differences: readonly string[]): string[] {
  const shown = differences.slice(0, NAMED_DIFFERENCES).map((text) => `table ${table}: ${text}`)
  const more = differences.length - shown.length
  return more > 0 ? [...shown, `table ${table}: ${more} more differences`] : shown
}
