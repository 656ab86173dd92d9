import { isDeepStrictEqual } from 'node:util'
import type { NftablesSocket, SetInfo } from '../../native/nftables.ts'
import type { FamilyConfig } from '../family-config.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { AFFINITY, AFFINITY_CLIENTS, setSpec, TABLE } from './layout.ts'
import type { Leftovers } from './plan.ts'

/**
 * What must go so that a table can be made anew around the memory of clients in the one that is there, by this or an
 * earlier process. Undefined when there is none, or when its memory is made otherwise. Rejects with a NetlinkError.
 */
export async function findLeftovers(
  socket: NftablesSocket,
  config: FamilyConfig,
): Promise<Leftovers | undefined> {
  const family = nftFamily(config.family)
  const sets = await socket.dumpSets(family, TABLE)
  const memory = sets.find(({ name }) => name === AFFINITY)
  if (memory === undefined || !isUsable(memory, config)) return undefined
  const chains = await socket.dumpChains(family, TABLE)
  return {
    chains: chains.map(({ name }) => name),
    sets: sets.map(({ name }) => name).filter((name) => name !== AFFINITY),
  }
}

function isUsable(found: SetInfo, config: FamilyConfig): boolean {
  const wanted = setSpec(AFFINITY, config.family, AFFINITY_CLIENTS)
  return (
    found.size === wanted.size &&
    found.timeoutMs === wanted.timeoutMs &&
    found.keyType === wanted.keyType &&
    found.keyLength === wanted.keyLength &&
    found.dataType === wanted.dataType &&
    isDeepStrictEqual([...found.userData], [...(wanted.userData ?? [])])
  )
}
