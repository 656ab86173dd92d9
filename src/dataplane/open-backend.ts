import type { SocketStats } from '../native/addon.ts'
import type { WatchedTable } from '../native/nft-monitor.ts'
import type { Backend } from './backend.ts'
import type { FamilyConfig } from './family-config.ts'
import { IptablesBackend } from './iptables/iptables-backend.ts'
import { TABLES as IPTABLES_TABLES } from './iptables/rule.ts'
import { IpvsBackend } from './ipvs/ipvs-backend.ts'
import { DEFAULT_IPVS_SETTINGS, type IpvsSettings } from './ipvs/ipvs-config.ts'
import { TABLE as IPVS_TABLE } from './ipvs/layout.ts'
import type { StatsSource } from './netlink-metrics.ts'
import { nftFamily } from './nf-table/nft-family.ts'
import { TABLE } from './nftables/layout.ts'
import { NftablesBackend } from './nftables/nftables-backend.ts'
import type { ProxyMode } from './proxy-modes.ts'

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
  config: FamilyConfig,
  netns: string | undefined,
  ipvs: IpvsSettings = DEFAULT_IPVS_SETTINGS,
): Promise<OpenedBackend> {
  const backend = await open(mode, config, netns, ipvs)
  const family = nftFamily(config.family)
  return {
    backend,
    sockets: new Map([[`${mode}-${config.family}`, () => backend.stats()]]),
    tables: TABLE_NAMES[mode].map((name) => ({ family, name })),
  }
}

const TABLE_NAMES: Readonly<Record<ProxyMode, readonly string[]>> = {
  nftables: [TABLE],
  ipvs: [IPVS_TABLE],
  iptables: IPTABLES_TABLES,
}

function open(
  mode: ProxyMode,
  config: FamilyConfig,
  netns: string | undefined,
  ipvs: IpvsSettings,
): Promise<Backend & { stats(): SocketStats }> {
  switch (mode) {
    case 'nftables':
      return NftablesBackend.open(config, netns)
    case 'ipvs':
      return IpvsBackend.open({ ...config, ...ipvs }, netns)
    case 'iptables':
      return IptablesBackend.open(config, netns)
  }
}
