import { formatVirtualServer } from '../../native/ipvs.ts'
import type { Pacer } from '../../util/pacer.ts'
import { compareTable } from './compare-table.ts'
import type { IpvsConfig } from './ipvs-config.ts'
import type { IpvsState, ProgrammedDest, ProgrammedServer } from './ipvs-state.ts'
import { observe } from './observe.ts'
import { sameSettings } from './plan-builder.ts'
import { shorten } from './shorten.ts'
import type { Sockets } from './sockets.ts'

/** Says in words how the kernel differs from the state; nothing when it does not. For the audit only. */
export async function compareWithKernel(
  sockets: Sockets,
  config: IpvsConfig,
  state: IpvsState,
  pacer: Pacer,
): Promise<string[]> {
  const { state: found } = await observe(sockets, config, new Set(state.servers.keys()))
  return [
    ...shorten(await compareServers(state, found, pacer)),
    ...shorten(compareAddresses(state, found)),
    ...(await compareTable(sockets.nftables, config, state, pacer)),
  ]
}

async function compareServers(state: IpvsState, found: IpvsState, pacer: Pacer): Promise<string[]> {
  const differences: string[] = []
  for (const [name, server] of state.servers) {
    const present = found.servers.get(name)
    if (present === undefined) differences.push(`virtual server ${name} is gone`)
    else differences.push(...compareServer(server, present))
    if (pacer.due()) await pacer.pause()
  }
  for (const name of found.servers.keys())
    if (!state.servers.has(name)) differences.push(`virtual server ${name} is not ours`)
  return differences
}

function compareServer(server: ProgrammedServer, present: ProgrammedServer): string[] {
  const name = formatVirtualServer(server.settings.key)
  const differences: string[] = []
  if (!sameSettings(server.settings, present.settings))
    differences.push(`virtual server ${name} has other settings`)
  for (const [place, dest] of server.dests) {
    const other = present.dests.get(place)
    if (other === undefined) differences.push(`virtual server ${name} lacks real server ${place}`)
    else if (!sameDest(dest, other)) differences.push(`real server ${place} of ${name} is another`)
  }
  for (const place of present.dests.keys())
    if (!server.dests.has(place)) differences.push(`virtual server ${name} has foreign real server ${place}`)
  return differences
}

const sameDest = (a: ProgrammedDest, b: ProgrammedDest): boolean =>
  a.weight === b.weight && a.method === b.method

function compareAddresses(state: IpvsState, found: IpvsState): string[] {
  const gone = [...state.addresses].filter((address) => !found.addresses.has(address))
  const foreign = [...found.addresses].filter((address) => !state.addresses.has(address))
  return [
    ...gone.map((address) => `VIP ${address} is gone`),
    ...foreign.map((address) => `VIP ${address} is not ours`),
  ]
}
