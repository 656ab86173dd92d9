import type { ChainInfo, NftablesSocket, RuleInfo } from '../../native/nftables.ts'
import type { IpFamily } from '../../util/address.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { JUMPED_TO } from './constant-chains.ts'
import { isProxyChain } from './names.ts'
import type { DeletedRule } from './plan.ts'
import { FORMER_TABLES, type Table } from './rule.ts'

/** What stands in one table of ours, of an earlier Hawser or of a kube-proxy, among what is everybody else's. */
export interface StandingTable {
  readonly table: Table
  /** Chains that are ours to fill and to remove. */
  readonly chains: ReadonlySet<string>
  /** Entry chains that exist. */
  readonly entries: ReadonlySet<string>
  /** Rules of entry chains that jump to our chains. */
  readonly jumps: readonly DeletedRule[]
  /** Chains of ours that rules of others jump to: portmap's to KUBE-MARK-MASQ, for one. */
  readonly held: ReadonlySet<string>
}

/** All tables, and the generation of the ruleset that this was read in. */
export interface Standing {
  readonly generation: number
  readonly tables: readonly StandingTable[]
}

/** Reads what stands. Our own chains are many and not looked into. Rejects with a NetlinkError. */
export async function readStanding(socket: NftablesSocket, family: IpFamily): Promise<Standing> {
  const generation = await socket.generation()
  const tables: StandingTable[] = []
  for (const table of FORMER_TABLES) tables.push(await readTable(socket, family, table))
  return { generation, tables }
}

async function readTable(socket: NftablesSocket, family: IpFamily, table: Table): Promise<StandingTable> {
  const all = await socket.dumpChains(nftFamily(family), table)
  const others = all.filter(({ name }) => !isProxyChain(table, name))
  const jumps: DeletedRule[] = []
  const held = new Set<string>()
  for (const chain of others) {
    for (const rule of await socket.dumpRules(nftFamily(family), table, chain.name)) {
      const to = jumpOf(rule)
      if (to === undefined || !isProxyChain(table, to)) continue
      if (chain.hook !== undefined && JUMPED_TO.has(to))
        jumps.push({ table, chain: chain.name, handle: rule.handle })
      else held.add(to)
    }
  }
  return {
    table,
    chains: names(all.filter((chain) => !others.includes(chain))),
    entries: names(others.filter(({ hook }) => hook !== undefined)),
    jumps,
    held,
  }
}

const names = (chains: readonly ChainInfo[]): ReadonlySet<string> => new Set(chains.map(({ name }) => name))

/** The chain that a rule jumps or goes to. */
function jumpOf({ expressions }: RuleInfo): string | undefined {
  for (const expression of expressions) {
    if (expression.expr !== 'immediate' || expression.data instanceof Uint8Array) continue
    if (typeof expression.data === 'object') return expression.data.chain
  }
  return undefined
}
