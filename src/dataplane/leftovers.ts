import { NftablesSocket, NftTransaction } from '../native/nftables.ts'
import type { IpFamily } from '../util/address.ts'
import { DataplaneError } from './errors.ts'
import type { FamilyConfig } from './family-config.ts'
import { ipvsWasHere } from './ipvs/leftovers.ts'
import { nftFamily } from './nf-table/nft-family.ts'
import { openBackend } from './open-backend.ts'
import { PROXY_MODES, type ProxyMode } from './proxy-modes.ts'
import { type ServiceProxyOptions, tableConfig } from './proxy-options.ts'

/**
 * Removes what any proxy left in the kernel in other modes than `mode`, and kube-proxy's table of any. Rejects with the
 * first failure, behind an attempt at all of it.
 */
export async function removeLeftovers(mode: ProxyMode, options: ServiceProxyOptions): Promise<void> {
  const done = await Promise.allSettled([
    removeModes(
      PROXY_MODES.filter((other) => other !== mode),
      options,
    ),
    ...options.families.map((family) => removeKubeProxyTable(family, options.netns)),
  ])
  for (const result of done) if (result.status === 'rejected') throw result.reason
}

/** Removes everything of ours, of these modes, in the families of the options, and nothing else. */
export async function removeModes(modes: readonly ProxyMode[], options: ServiceProxyOptions): Promise<void> {
  const failures: unknown[] = []
  for (const mode of modes)
    for (const family of options.families)
      await removeMode(mode, tableConfig(options, family), options.netns).catch((error: unknown) => {
        failures.push(error)
      })
  if (failures.length > 0) throw failures[0]
}

/**
 * Removes what a mode may have left in the kernel for the family of `config`. A kernel without the mode has nothing left
 * of it. Rejects as the opening and the removal of a backend do.
 */
async function removeMode(mode: ProxyMode, config: FamilyConfig, netns: string | undefined): Promise<void> {
  // A failure to find out is left to the opening, which names what is wrong.
  if (mode === 'ipvs' && !(await ipvsWasHere(config, netns).catch(() => true))) return
  const opened = await openBackend(mode, config, netns).catch((error: unknown) => {
    if (lacksMode(error)) return undefined
    throw error
  })
  if (opened === undefined) return
  try {
    await opened.backend.remove()
  } finally {
    await opened.backend.close()
  }
}

/** The table of kube-proxy's nftables mode; what its other modes leave is what ours take over and remove. */
const KUBE_PROXY_TABLE = 'kube-proxy'

/** Removes what a kube-proxy in nftables mode left behind. Rejects with a NetlinkError. */
async function removeKubeProxyTable(family: IpFamily, netns: string | undefined): Promise<void> {
  const socket = await NftablesSocket.open(netns === undefined ? {} : { netns })
  try {
    await socket.commit(new NftTransaction(nftFamily(family), KUBE_PROXY_TABLE).destroyTable())
  } finally {
    await socket.close()
  }
}

const lacksMode = (error: unknown): boolean =>
  error instanceof DataplaneError && (error.code === 'NO_NFTABLES' || error.code === 'NO_IPVS')
