import type { IpvsSocket, RealServerState } from '../../native/ipvs.ts'
import type { Frontend } from '../desired/frontend.ts'
import { formatDest, formatSettings } from './format-plan.ts'
import type { IpvsConfig } from './ipvs-config.ts'
import type { IpvsState } from './ipvs-state.ts'
import { describeElements, serversInForce } from './standing.ts'

/**
 * What describeFrontend says, the real servers as the kernel has them now with their connections and what passed. The
 * kernel's totals are up to two seconds old. Rejects with a NetlinkError.
 */
export async function countedServers(
  socket: IpvsSocket,
  frontend: Frontend,
  config: IpvsConfig,
  state: IpvsState,
): Promise<string[]> {
  const servers = serversInForce(frontend, config, state)
  const dests = await socket.destsOf(servers.map(({ settings }) => settings.key))
  const lines = servers.flatMap(({ settings }, i) => [
    formatSettings(settings),
    ...(dests[i] ?? []).map((dest) => `  -> ${formatDest(dest)}, ${countOf(dest)}`),
  ])
  return [...lines, ...describeElements(frontend, config, state)]
}

function countOf({ activeConnections, inactiveConnections, statistics }: RealServerState): string {
  const { connections, incomingPackets, incomingBytes, outgoingPackets, outgoingBytes } = statistics
  return [
    `${activeConnections} active and ${inactiveConnections} inactive connections`,
    `${connections} in all`,
    `[${incomingPackets}:${incomingBytes}] in`,
    `[${outgoingPackets}:${outgoingBytes}] out`,
  ].join(', ')
}
