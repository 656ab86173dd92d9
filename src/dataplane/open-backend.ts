import type { WatchedTable } from '../native/nft-monitor.ts'
import type { IpFamily } from '../util/address.ts'
import type { Backend } from './backend.ts'
import type { StatsSource } from './netlink-metrics.ts'
import { nftFamily, TABLE } from './nftables/layout.ts'
import { NftablesBackend } from './nftables/nftables-backend.ts'
import type { TableConfig } from './nftables/table-config.ts'

/** How Services are put into the kernel, by kube-proxy's names; the first is the default. */
export const PROXY_MODES = ['nftables'] as const
export type ProxyMode = (typeof PROXY_MODES)[number]

/** A backend and what can be known of it from outside. */
export interface OpenedBackend {
  readonly backend: Backend
  /** Counters of its sockets, by a name for metrics. */
  readonly sockets: ReadonlyMap<string, StatsSource>
  /** The nf_tables tables that it writes: a change of them by somebody else is a reason to look. */
  readonly tables: readonly WatchedTable[]
}

/**
 * Opens the backend of one family in a mode; nothing in the kernel changes. Rejects with a DataplaneError when there is
 * no permission, no such namespace, or a kernel without what the mode needs: its message names the modules.
 */
export async function openBackend(
  mode: ProxyMode,
  config: TableConfig,
  netns: string | undefined,
): Promise<OpenedBackend> {
  switch (mode) {
    case 'nftables': {
      const backend = await NftablesBackend.open(config, netns)
      return {
        backend,
        sockets: new Map([[`nftables-${config.family}`, () => backend.stats()]]),
        tables: [{ family: nftFamily(config.family), name: TABLE }],
      }
    }
  }
}

/** Removes what a mode may have left in the kernel for a family. A kernel without the mode has nothing left of it. */
export async function removeMode(
  mode: ProxyMode,
  family: IpFamily,
  netns: string | undefined,
): Promise<void> {
  const opened = await openBackend(mode, emptyConfig(family), netns).catch((error: unknown) => {
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

const lacksMode = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  /^NO_(?!PERM)/.test(error.code)

const emptyConfig = (family: IpFamily): TableConfig => ({
  family,
  serviceCidrs: [],
  podCidrs: [],
  nodeAddresses: [],
  masqueradePodEgress: false,
  masqueradeAll: false,
})
