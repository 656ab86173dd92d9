import { NetlinkError, type NftablesSocket, NftTransaction } from '../../native/nftables.ts'

type NftFamily = NftTransaction['family']

/**
 * Removes a table of a proxy, if there is one, while the rules of another may be in force beside it. What packets come
 * in by is emptied first, in a transaction of its own: one that is on its way through rules whose maps go at the same
 * moment finds no Service there, and is refused. Rejects with a NetlinkError.
 */
export async function removeTable(socket: NftablesSocket, family: NftFamily, table: string): Promise<void> {
  try {
    await silence(socket, family, table)
  } catch (error) {
    // It is not there, or somebody else is at work on it: it goes in one step.
    if (!(error instanceof NetlinkError)) throw error
  }
  await socket.commit(new NftTransaction(family, table).destroyTable())
}

/** Empties the chains that hang in the kernel's hooks. */
async function silence(socket: NftablesSocket, family: NftFamily, table: string): Promise<void> {
  const chains = await socket.dumpChains(family, table)
  const entries = chains.filter(({ hook }) => hook !== undefined)
  if (entries.length === 0) return
  const transaction = new NftTransaction(family, table)
  for (const { name } of entries) transaction.flushChain(name)
  await socket.commit(transaction)
}
