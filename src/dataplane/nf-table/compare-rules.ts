import { isDeepStrictEqual } from 'node:util'
import type { Expression, NftablesSocket, NftFamily, RuleInfo } from '../../native/nftables.ts'
import { groupBy } from '../../util/group-by.ts'
import type { Chain } from './chain.ts'
import type { Statement } from './statements.ts'

/** Says in words how the chains of a table differ from those it should have. Rejects with a NetlinkError. */
export async function compareRules(
  socket: NftablesSocket,
  family: NftFamily,
  table: string,
  expected: readonly Chain[],
): Promise<string[]> {
  const present = await socket.dumpChains(family, table)
  const rules = groupBy(await socket.dumpRules(family, table), ({ chain }) => chain)
  const names = new Set(present.map((chain) => chain.name))
  const differences: string[] = []
  for (const chain of expected) {
    if (!names.delete(chain.name)) differences.push(`chain ${chain.name} is gone`)
    else if (!sameRules(chain.rules, rules.get(chain.name) ?? []))
      differences.push(`chain ${chain.name} has other rules`)
  }
  return [...differences, ...[...names].map((name) => `chain ${name} is not ours`)]
}

const sameRules = (expected: readonly Statement[], found: readonly RuleInfo[]): boolean =>
  expected.length === found.length &&
  expected.every((statement, i) => {
    const expressions = found[i]?.expressions ?? []
    return (
      statement.length === expressions.length &&
      statement.every((expression, j) => includes(expressions[j], expression))
    )
  })

/** The kernel spells out defaults and leaves out a number that means nothing (the ICMP code of a TCP reset). */
const includes = (found: object | undefined, expected: Expression): boolean =>
  found !== undefined &&
  Object.entries(expected).every(([name, value]) => {
    const listed: unknown = Object.getOwnPropertyDescriptor(found, name)?.value
    return sameValue(listed, value) || (listed === undefined && value === 0)
  })

const sameValue = (listed: unknown, expected: unknown): boolean =>
  listed instanceof Uint8Array && expected instanceof Uint8Array
    ? Buffer.compare(listed, expected) === 0
    : isDeepStrictEqual(listed, expected)
