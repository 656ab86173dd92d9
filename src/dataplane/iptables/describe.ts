import type { IpFamily } from '../../util/address.ts'
import type { Frontend } from '../desired/frontend.ts'
import { formatRule } from './format-rule.ts'
import type { PlacedRule, Rule } from './rule.ts'
import type { ServiceRules } from './service-rules.ts'

/**
 * The rules that decide about connections to one frontend: those that catch them, then chain by chain what they jump to.
 */
export function frontendRules(frontend: Frontend, { chains, shared }: ServiceRules): PlacedRule[] {
  const rules: PlacedRule[] = []
  const own = new Map(chains.map((chain) => [chain.name, chain]))
  const seen = new Set<string>()
  const next: string[] = []
  const follow = ({ target }: Rule): void => {
    if (target.target !== 'jump' || seen.has(target.chain)) return
    seen.add(target.chain)
    next.push(target.chain)
  }
  for (const placed of shared.filter(({ rule }) => isAbout(frontend, rule))) {
    rules.push(placed)
    follow(placed.rule)
  }
  // `next` grows while it is walked.
  for (const name of next) {
    const chain = own.get(name)
    for (const rule of chain?.rules ?? []) {
      rules.push({ table: 'nat', chain: name, rule })
      follow(rule)
    }
  }
  return rules
}

/** As arguments of `iptables`. */
export const formatPlacedRule = ({ table, chain, rule }: PlacedRule, family: IpFamily): string =>
  `-t ${table} -A ${chain} ${formatRule(rule, family)}`

const isAbout = ({ address, protocol, port }: Frontend, rule: Rule): boolean =>
  rule.destination?.address === address &&
  rule.protocol === protocol &&
  rule.matches.some((match) => match.match === 'dport' && match.port === port)
