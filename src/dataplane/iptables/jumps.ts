import type { ChainInfo, NftablesSocket } from '../../native/nftables.ts'
import type { FamilyConfig } from '../family-config.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { type ChainKey, chainKey } from './chain-uses.ts'
import { isRule } from './compare-chain.ts'
import { entryJumps } from './constant-chains.ts'
import type { PlacedRule, Table } from './rule.ts'

/** An entry chain without all of our jumps. */
export interface BrokenJumps {
  readonly table: Table
  readonly chain: string
  readonly lacks: readonly PlacedRule[]
  /** All of ours that it should have, in their order. */
  readonly wanted: readonly PlacedRule[]
  /** Handles of those of ours that it has. */
  readonly standing: readonly number[]
}

/**
 * Entry chains that lack a jump of ours. Others may have come in front of our jumps since: only that they are there
 * matters. Rejects with a NetlinkError.
 */
export async function findBrokenJumps(
  socket: NftablesSocket,
  present: ReadonlyMap<ChainKey, ChainInfo>,
  config: FamilyConfig,
): Promise<BrokenJumps[]> {
  const jumps = entryJumps(config)
  const broken: BrokenJumps[] = []
  for (const key of new Set(jumps.map(({ table, chain }) => chainKey(table, chain)))) {
    const wanted = jumps.filter(({ table, chain }) => chainKey(table, chain) === key)
    const [first] = wanted
    if (first === undefined) continue
    const { table, chain } = first
    const found = present.has(key) ? await socket.dumpRules(nftFamily(config.family), table, chain) : []
    const standing = found.filter((info) => wanted.some(({ rule }) => isRule(info, rule, config.family)))
    const lacks = wanted.filter(({ rule }) => !standing.some((info) => isRule(info, rule, config.family)))
    if (lacks.length > 0)
      broken.push({ table, chain, lacks, wanted, standing: standing.map(({ handle }) => handle) })
  }
  return broken
}
