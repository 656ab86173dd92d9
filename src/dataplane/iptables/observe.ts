import type { NftablesSocket, RuleInfo } from '../../native/nftables.ts'
import type { IpFamily } from '../../util/address.ts'
import { groupBy } from '../../util/group-by.ts'
import type { Pacer } from '../../util/pacer.ts'
import type { FamilyConfig } from '../family-config.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { constantChains, entryJumps } from './constant-chains.ts'
import { expressionsText } from './expressions-text.ts'
import { formatRule } from './format-rule.ts'
import { isProxyChain } from './names.ts'
import { type PlacedRule, type Rule, TABLES, type Table } from './rule.ts'
import { ruleExpressions } from './rule-expressions.ts'
import { serviceRules } from './service-rules.ts'
import type { TableState } from './table-state.ts'

/** Differences named one by one in each table; how many more there are is said as a number. */
const NAMED_DIFFERENCES = 5

/** A chain of ours as it should be. */
interface ExpectedChain {
  /** In front of the others in any order, by handle. */
  readonly shared: Map<number, Rule>
  /** Behind them, in this order. */
  readonly rules: readonly Rule[]
}

/**
 * Reads the tables back and says in words how our chains differ from the state; nothing when they do not. For the
 * audit only: it costs what the tables are large. Rejects with a NetlinkError.
 */
export async function compareTables(
  socket: NftablesSocket,
  state: TableState,
  config: FamilyConfig,
  pacer: Pacer,
): Promise<string[]> {
  const expected = await expectedChains(state, config, pacer)
  const differences: string[] = []
  for (const table of TABLES)
    differences.push(...summary(await compareTable(socket, table, expected[table], config, pacer), table))
  return differences
}

type Expected = Readonly<Record<Table, Map<string, ExpectedChain>>>

async function expectedChains(state: TableState, config: FamilyConfig, pacer: Pacer): Promise<Expected> {
  const expected: Expected = { filter: new Map(), nat: new Map() }
  for (const { table, name, rules } of constantChains(config))
    expected[table].set(name, { shared: new Map(), rules })
  for (const { frontends, handles } of state.services.values()) {
    const { chains, shared } = serviceRules([...frontends.values()], config)
    for (const { table, name, rules } of chains) expected[table].set(name, { shared: new Map(), rules })
    shared.forEach(({ table, chain, rule }, i) => {
      expected[table].get(chain)?.shared.set(handles[i] ?? 0, rule)
    })
    if (pacer.due()) await pacer.pause()
  }
  return expected
}

async function compareTable(
  socket: NftablesSocket,
  table: Table,
  expected: ReadonlyMap<string, ExpectedChain>,
  config: FamilyConfig,
  pacer: Pacer,
): Promise<string[]> {
  const family = nftFamily(config.family)
  const present = new Set((await socket.dumpChains(family, table)).map(({ name }) => name))
  const found = groupBy(await socket.dumpRules(family, table), ({ chain }) => chain)
  const differences: string[] = []
  for (const [name, chain] of expected) {
    if (!present.has(name)) differences.push(`chain ${name} is gone`)
    else differences.push(...(await compareChain(name, chain, found.get(name) ?? [], config, pacer)))
    if (pacer.due()) await pacer.pause()
  }
  for (const name of present)
    if (isProxyChain(table, name) && !expected.has(name)) differences.push(`chain ${name} is not ours`)
  return [...differences, ...missingJumps(table, found, config)]
}

async function compareChain(
  name: string,
  { shared, rules }: ExpectedChain,
  found: readonly RuleInfo[],
  { family }: FamilyConfig,
  pacer: Pacer,
): Promise<string[]> {
  const differences: string[] = []
  const byHandle = new Map(found.map((info) => [info.handle, info]))
  for (const [handle, rule] of shared) {
    if (!isRule(byHandle.get(handle), rule, family))
      differences.push(`chain ${name} lacks ${formatRule(rule, family)}`)
    if (pacer.due()) await pacer.pause()
  }
  const behind = found.filter(({ handle }) => !shared.has(handle))
  if (behind.length !== rules.length || !rules.every((rule, i) => isRule(behind[i], rule, family)))
    differences.push(`chain ${name} has other rules`)
  return differences
}

const isRule = (info: RuleInfo | undefined, rule: Rule, family: IpFamily): boolean =>
  info !== undefined && expressionsText(ruleExpressions(rule, family)) === expressionsText(info.expressions)

/** Others may have come in front of our jumps since: only that they are there matters. */
function missingJumps(
  table: Table,
  found: ReadonlyMap<string, readonly RuleInfo[]>,
  config: FamilyConfig,
): string[] {
  const isThere = ({ chain, rule }: PlacedRule): boolean =>
    found.get(chain)?.some((info) => isRule(info, rule, config.family)) === true
  return entryJumps(config)
    .filter((jump) => jump.table === table && !isThere(jump))
    .map(({ chain, rule }) => `chain ${chain} lacks ${formatRule(rule, config.family)}`)
}

function summary(differences: readonly string[], table: Table): string[] {
  const shown = differences.slice(0, NAMED_DIFFERENCES).map((text) => `table ${table}: ${text}`)
  const more = differences.length - shown.length
  return more > 0 ? [...shown, `table ${table}: ${more} more differences`] : shown
}
