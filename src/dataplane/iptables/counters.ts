import type { NftablesSocket, RuleInfo } from '../../native/nftables.ts'
import type { IpFamily } from '../../util/address.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { formatPlacedRule } from './describe.ts'
import { expressionsText } from './expressions-text.ts'
import type { PlacedRule } from './rule.ts'
import { ruleExpressions } from './rule-expressions.ts'

/**
 * The rules as arguments of `iptables`, those of the chains in `own` behind what they have counted: `[packets:bytes]`,
 * as `iptables-save -c` has it. Chains that all Services share are as long as there are Services, and are not read.
 * Rejects with a NetlinkError.
 */
export async function countedRules(
  socket: NftablesSocket,
  rules: readonly PlacedRule[],
  own: ReadonlySet<string>,
  family: IpFamily,
): Promise<string[]> {
  const inKernel = new Map<string, readonly RuleInfo[]>()
  for (const { table, chain } of rules)
    if (own.has(chain) && !inKernel.has(chain))
      inKernel.set(chain, await socket.dumpRules(nftFamily(family), table, chain))
  return rules.map((placed) => {
    const text = formatPlacedRule(placed, family)
    const wanted = expressionsText(ruleExpressions(placed.rule, family))
    const found = inKernel
      .get(placed.chain)
      ?.find(({ expressions }) => expressionsText(expressions) === wanted)
    const counted = found === undefined ? undefined : countOf(found)
    return counted === undefined ? text : `${counted} ${text}`
  })
}

function countOf({ expressions }: RuleInfo): string | undefined {
  for (const expression of expressions)
    if (expression.expr === 'counter' && 'packets' in expression)
      return `[${expression.packets}:${expression.bytes}]`
  return undefined
}
