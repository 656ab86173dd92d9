import type { Chain, PlacedRule, Rule, Table } from './rule.ts'

/** A chain of a table as a key. */
export type ChainKey = `${Table} ${string}`

export const chainKey = (table: Table, name: string): ChainKey => `${table} ${name}`

/**
 * Calls `use` for every use that the kernel counts of a chain: one for each of its rules, one for each rule that jumps
 * to it (nf_tables_api.c: nft_chain.use). A listing of chains has these counts, and costs a hundredth of one of rules.
 */
export function eachUse(
  { chains, shared }: { readonly chains: readonly Chain[]; readonly shared: readonly PlacedRule[] },
  use: (chain: ChainKey) => void,
): void {
  const count = (table: Table, chain: ChainKey, { target }: Rule): void => {
    use(chain)
    if (target.target === 'jump') use(chainKey(table, target.chain))
  }
  for (const { table, name, rules } of chains) {
    const key = chainKey(table, name)
    for (const rule of rules) count(table, key, rule)
  }
  for (const { table, chain, rule } of shared) count(table, chainKey(table, chain), rule)
}
