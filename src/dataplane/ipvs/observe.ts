import {
  formatVirtualServer,
  type IpvsSocket,
  type VirtualServerKey,
  type VirtualServerState,
} from '../../native/ipvs.ts'
import { NetlinkError, type NftablesSocket } from '../../native/nftables.ts'
import { cidrContains, familyOf, type IpAddress } from '../../util/address.ts'
import type { Frontend, FrontendKey } from '../desired/frontend.ts'
import { nftFamily } from '../nf-table/nft-family.ts'
import { eachRecord, readHostNumber } from '../nf-table/records.ts'
import { frontendOfKey } from '../nf-table/service-key.ts'
import type { IpvsConfig } from './ipvs-config.ts'
import { IpvsState } from './ipvs-state.ts'
import { setLayout, TABLE } from './layout.ts'
import { markNumber } from './marks.ts'
import type { Sockets } from './sockets.ts'
import { findVipDevice, type VipDevice } from './vip-device.ts'
import { destName, frontendAddresses } from './virtual-servers.ts'

export interface Observed {
  readonly state: IpvsState
  readonly device: VipDevice | undefined
}

/**
 * What is in the kernel of ours, whoever made it: an earlier run, or kube-proxy in its own IPVS mode. Virtual servers with
 * a name in `known` are ours wherever they are. The table is not looked into but for the marks, which must stay
 * with their frontends. Rejects with a NetlinkError.
 */
export async function observe(
  sockets: Sockets,
  config: IpvsConfig,
  known: ReadonlySet<string>,
): Promise<Observed> {
  const all = (await sockets.ipvs.services()).filter(({ key }) => familyOfKey(key) === config.family)
  const served = new Set(all.flatMap(({ key }) => (key.kind === 'address' ? [key.address] : [])))
  const device = await findVipDevice(sockets.routes, config.family, (address) => served.has(address))
  const state = new IpvsState(device?.foreign)
  for (const address of device?.addresses ?? []) state.addresses.add(address)
  const vips = new Set([...state.addresses, ...(device?.retired ?? [])])
  const servers = all.filter(({ key }) => known.has(formatVirtualServer(key)) || isOurs(key, config, vips))
  await readServers(sockets.ipvs, servers, state)
  for (const [key, number] of await readMarks(sockets.nftables, config)) state.marks.restore(key, number)
  return { state, device }
}

async function readServers(
  socket: IpvsSocket,
  servers: readonly VirtualServerState[],
  state: IpvsState,
): Promise<void> {
  const dests = await socket.destsOf(servers.map(({ key }) => key))
  const now = performance.now()
  servers.forEach(({ key, scheduler, flags, timeoutSeconds }, i) => {
    // Without persistence the timeout means nothing, and whoever made it may have left one.
    const settings = {
      key,
      scheduler,
      flags,
      timeoutSeconds: flags.includes('persistent') ? timeoutSeconds : 0,
    }
    const programmed = (dests[i] ?? []).map(({ address, port, method, weight }) => {
      const drainingSince = weight === 0 ? now : undefined
      return [destName({ address, port }), { address, port, method, weight, drainingSince }] as const
    })
    state.restore({ settings, dests: new Map(programmed) })
  })
}

/** Names of the virtual servers that frontends have by address. */
export function namesOf(frontends: readonly Frontend[], { nodeAddresses }: IpvsConfig): ReadonlySet<string> {
  const places = new Set<string>()
  for (const frontend of frontends)
    for (const address of frontendAddresses(frontend, nodeAddresses)) {
      const { protocol, port } = frontend
      places.add(formatVirtualServer({ kind: 'address', protocol, address, port }))
    }
  return places
}

/** Virtual servers on addresses that are not for Services belong to somebody else even without an exclusion. */
function isOurs(key: VirtualServerKey, config: IpvsConfig, vips: ReadonlySet<IpAddress>): boolean {
  if (key.kind === 'mark') return markNumber(key.mark) !== undefined
  const isIn = (cidrs: IpvsConfig['excludeCidrs']): boolean =>
    cidrs.some((cidr) => cidrContains(cidr, key.address))
  if (isIn(config.excludeCidrs)) return false
  return vips.has(key.address) || config.nodeAddresses.includes(key.address) || isIn(config.serviceCidrs)
}

export const familyOfKey = (key: VirtualServerKey) =>
  key.kind === 'mark' ? key.family : familyOf(key.address)

/** The numbers that frontends have in the table of an earlier run; none when there is no table. */
async function readMarks(socket: NftablesSocket, config: IpvsConfig): Promise<[FrontendKey, number][]> {
  const layout = setLayout('short-circuit', config.family)
  try {
    const bytes = await socket.dumpElements(nftFamily(config.family), TABLE, 'short-circuit', layout)
    const records = { width: layout.width, count: bytes.length / layout.width, bytes }
    return [...eachRecord(records)].flatMap((record): [FrontendKey, number][] => {
      const number = markNumber(readHostNumber(record, layout.keyLength))
      const found = frontendOfKey(record, config.family, config.nodeAddresses)
      const key = found?.asNodePort ?? found?.asAddress
      return number === undefined || key === undefined ? [] : [[key, number]]
    })
  } catch (error) {
    // No table, or one of another layout.
    if (error instanceof NetlinkError && (error.code === 'ENOENT' || error.code === 'EINVAL')) return []
    throw error
  }
}
