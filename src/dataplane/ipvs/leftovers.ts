import { NftablesSocket } from '../../native/nftables.ts'
import { RouteSocket } from '../../native/route.ts'
import type { FamilyConfig } from '../family-config.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { TABLE } from './layout.ts'
import { VIP_DEVICE } from './vip-device.ts'

/**
 * Whether this mode, here or in kube-proxy, has left anything in the kernel: its table or its device. Found without
 * IPVS itself, which a mere question would make the kernel load; and virtual servers of a machine that has neither
 * are somebody else's.
 */
export async function hasLeftovers(
  { family }: Pick<FamilyConfig, 'family'>,
  sockets: { readonly nftables: NftablesSocket; readonly routes: RouteSocket },
): Promise<boolean> {
  const tables = await sockets.nftables.dumpTables(nftFamily(family))
  if (tables.some(({ name }) => name === TABLE)) return true
  return (await sockets.routes.links()).some(({ name }) => name === VIP_DEVICE)
}

/** The same with sockets of its own. Rejects with a NetlinkError. */
export async function ipvsWasHere(
  config: Pick<FamilyConfig, 'family'>,
  netns: string | undefined,
): Promise<boolean> {
  const options = netns === undefined ? {} : { netns }
  const nftables = await NftablesSocket.open(options)
  try {
    const routes = await RouteSocket.open(options)
    try {
      return await hasLeftovers(config, { nftables, routes })
    } finally {
      await routes.close()
    }
  } finally {
    await nftables.close()
  }
}
