import { formatRule } from './format-rule.ts'
import type { Plan } from './plan.ts'

/** The plan as arguments of `iptables` (or `ip6tables`), one command a line, in the order of the transaction. */
export function formatPlan(plan: Plan): string[] {
  const words = (table: string, command: string, chain: string, rest = ''): string =>
    `-t ${table} ${command} ${chain}${rest === '' ? '' : ` ${rest}`}`
  const { family } = plan
  return [
    ...plan.addedEntries.map(({ table, name }) => words(table, '-P', name, 'ACCEPT')),
    ...plan.deletedRules.map(({ table, chain, handle, rule }) =>
      words(table, '-D', chain, rule === undefined ? `# handle ${handle}` : formatRule(rule, family)),
    ),
    ...plan.flushedChains.map(({ table, name }) => words(table, '-F', name)),
    ...plan.addedChains.map(({ table, name }) => words(table, '-N', name)),
    ...[...plan.filledChains].flatMap(({ table, name, rules }) =>
      rules.map((rule) => words(table, '-A', name, formatRule(rule, family))),
    ),
    // Each goes in front of the one before: the last comes first.
    ...[...plan.insertedRules]
      .reverse()
      .map(({ table, chain, rule }) => words(table, '-I', chain, formatRule(rule, family))),
    ...plan.removedChains.map(({ table, name }) => words(table, '-X', name)),
  ]
}
