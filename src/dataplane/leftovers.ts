import { NftablesSocket } from '../native/nftables.ts'
import type { IpFamily } from '../util/address.ts'
import { DataplaneError } from './errors.ts'
import { lacking } from './ipvs/failure.ts'
import { DEFAULT_IPVS_SETTINGS } from './ipvs/ipvs-config.ts'
import { ipvsWasHere } from './ipvs/leftovers.ts'
import { IpvsRetirement } from './ipvs/retirement.ts'
import { openError } from './kernel-failure.ts'
import { nftFamily } from './nf-table/nft-family.ts'
import { removeTable } from './nf-table/remove-table.ts'
import { openBackend } from './open-backend.ts'
import { PROXY_MODES, type ProxyMode } from './proxy-modes.ts'
import { type ServiceProxyOptions, tableConfig } from './proxy-options.ts'

/**
 * Removes what any proxy left in the kernel in other modes than `mode`, and kube-proxy's table of any. IPVS forwards its
 * connections itself, so it is only told to take no more: what lets the others end is given to `onRetiring`. Rejects
 * with the first failure, behind an attempt at all of it.
 */
export async function removeLeftovers(
  mode: ProxyMode,
  options: ServiceProxyOptions,
  onRetiring: (retirement: IpvsRetirement) => void,
): Promise<void> {
  const done = await Promise.allSettled([
    removeModes(
      PROXY_MODES.filter((other) => other !== mode && other !== 'ipvs'),
      options,
    ),
    ...options.families.map((family) => removeKubeProxyTable(family, options.netns)),
    ...(mode === 'ipvs' ? [] : options.families.map((family) => retireIpvs(family, options, onRetiring))),
  ])
  for (const result of done) if (result.status === 'rejected') throw result.reason
}

async function retireIpvs(
  family: IpFamily,
  options: ServiceProxyOptions,
  onRetiring: (retirement: IpvsRetirement) => void,
): Promise<void> {
  const { netns, log, ipvsSettings = DEFAULT_IPVS_SETTINGS } = options
  const config = { ...tableConfig(options, family), ...ipvsSettings }
  // Without IPVS there is nothing to retire, and a look at it would have the kernel load it.
  if (!(await ipvsWasHere(config, netns))) return
  const retirement = await IpvsRetirement.begin({ config, netns, log }).catch((error: unknown) => {
    const refusal = openError(error, netns, lacking)
    if (lacksMode(refusal)) return undefined
    throw refusal
  })
  if (retirement !== undefined) onRetiring(retirement)
}

/** Removes everything of ours, of these modes, in the families of the options, and nothing else. */
export async function removeModes(modes: readonly ProxyMode[], options: ServiceProxyOptions): Promise<void> {
  const failures: unknown[] = []
  for (const mode of modes)
    for (const family of options.families)
      await removeMode(mode, family, options).catch((error: unknown) => {
        failures.push(error)
      })
  if (failures.length > 0) throw failures[0]
}

/**
 * Removes what a mode may have left in the kernel for a family. A kernel without the mode has nothing left
 * of it. Rejects as the opening and the removal of a backend do.
 */
async function removeMode(mode: ProxyMode, family: IpFamily, options: ServiceProxyOptions): Promise<void> {
  const { netns, ipvsSettings } = options
  const config = tableConfig(options, family)
  // A failure to find out is left to the opening, which names what is wrong.
  if (mode === 'ipvs' && !(await ipvsWasHere(config, netns).catch(() => true))) return
  const opened = await openBackend(mode, config, netns, ipvsSettings).catch((error: unknown) => {
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
    await removeTable(socket, nftFamily(family), KUBE_PROXY_TABLE)
  } finally {
    await socket.close()
  }
}

const lacksMode = (error: unknown): boolean =>
  error instanceof DataplaneError && (error.code === 'NO_NFTABLES' || error.code === 'NO_IPVS')
