import type {
  ForwardingMethod,
  RealServer,
  VirtualServer,
  VirtualServerFlag,
  VirtualServerKey,
} from '../../native/ipvs.ts'
import type { IpAddress } from '../../util/address.ts'
import type { Endpoint, Frontend } from '../desired/frontend.ts'
import type { IpvsFlag } from '../desired/ipvs-options.ts'
import { shortCircuitMark } from './marks.ts'

/** A virtual server as a frontend wants it, with its real servers at full weight. */
export interface WantedServer extends Required<Omit<VirtualServer, 'clientPrefix'>> {
  readonly dests: readonly RealServer[]
}

/**
 * The virtual servers of a frontend: one on each of its addresses. Under policy Local those have what clients from
 * outside get; pods and this node get more, and a virtual server has one list of real servers. So there is a second
 * one, by the firewall mark that the table gives to connections from inside: a lookup by mark comes before that by
 * address (ip_vs_service_find), on the first packet of a connection only. The other way round, outside clients
 * by mark, would put the common case on the detour.
 */
export function serversOf(
  frontend: Frontend,
  nodeAddresses: readonly IpAddress[],
  markNumber: number | undefined,
): WantedServer[] {
  const { family, protocol, port, localEndpoints, endpoints } = frontend
  const servers = frontendAddresses(frontend, nodeAddresses).map((address): WantedServer => {
    const key: VirtualServerKey = { kind: 'address', protocol, address, port }
    return { key, ...settingsOf(frontend), dests: dests(frontend, localEndpoints ?? endpoints) }
  })
  if (markNumber === undefined || servers.length === 0) return servers
  const key: VirtualServerKey = { kind: 'mark', family, mark: shortCircuitMark(markNumber) }
  return [...servers, { key, ...markSettingsOf(frontend), dests: dests(frontend, endpoints) }]
}

/** Where a frontend answers: its own address, or as a node port each of the node's. */
export const frontendAddresses = (
  frontend: Frontend,
  nodeAddresses: readonly IpAddress[],
): readonly IpAddress[] => (frontend.address === undefined ? nodeAddresses : [frontend.address])

/**
 * Whether clients from inside get other endpoints than those from outside. Under direct return all get the same: a pod
 * of this node could not take the answer of an endpoint elsewhere as one of the VIP's.
 */
export const needsShortCircuit = ({ localEndpoints, endpoints, ipvs }: Frontend): boolean =>
  localEndpoints !== undefined &&
  ipvs.forward === 'masq' &&
  (localEndpoints.length !== endpoints.length ||
    localEndpoints.some((endpoint, i) => {
      const other = endpoints[i]
      return other === undefined || destName(endpoint) !== destName(other)
    }))

/** What tells one real server of a virtual server from another. */
export const destName = ({ address, port }: { readonly address: IpAddress; readonly port: number }): string =>
  `${address}/${port}`

/** What is not translated arrives at the frontend's own port, so endpoints of one address are one real server then. */
function dests({ ipvs, port }: Frontend, endpoints: readonly Endpoint[]): RealServer[] {
  const method: ForwardingMethod = ipvs.forward
  if (method === 'masq')
    return endpoints.map((endpoint) => ({
      address: endpoint.address,
      port: endpoint.port,
      method,
      weight: 1,
    }))
  const addresses = new Set(endpoints.map(({ address }) => address))
  return [...addresses].map((address) => ({ address, port, method, weight: 1 }))
}

type Settings = Pick<WantedServer, 'scheduler' | 'flags' | 'timeoutSeconds'>

function settingsOf({ ipvs, affinitySeconds, protocol }: Frontend): Settings {
  const flags = new Set<VirtualServerFlag>()
  if (affinitySeconds > 0) flags.add('persistent')
  for (const flag of ipvs.flags)
    if (flag !== 'one-packet' || protocol === 'UDP') flags.add(KERNEL_FLAGS[flag])
  // Else a client whose hash falls on a real server that only finishes its connections would be refused.
  if (ipvs.scheduler === 'sh' || ipvs.scheduler === 'mh') flags.add('scheduler-1')
  return { scheduler: ipvs.scheduler, flags: inOrder(flags), timeoutSeconds: affinitySeconds }
}

/**
 * Persistence by mark forgets the port of the real server (ip_vs_sched_persist sends to the port that the client
 * asked for), so affinity is a hash of the client's address here, the one that moves the fewest when endpoints change.
 */
const markSettingsOf = (frontend: Frontend): Settings =>
  frontend.affinitySeconds === 0
    ? settingsOf(frontend)
    : { scheduler: 'mh', flags: ['scheduler-1'], timeoutSeconds: 0 }

/** IP_VS_SVC_F_SCHED_{SH,MH}_{FALLBACK,PORT} of linux/ip_vs.h. */
const KERNEL_FLAGS: Readonly<Record<IpvsFlag, VirtualServerFlag>> = {
  'one-packet': 'one-packet',
  'sh-fallback': 'scheduler-1',
  'mh-fallback': 'scheduler-1',
  'sh-port': 'scheduler-2',
  'mh-port': 'scheduler-2',
}

/** In the order in which the kernel's flags are listed, so that lists can be compared. */
const inOrder = (flags: ReadonlySet<VirtualServerFlag>): VirtualServerFlag[] =>
  (['persistent', 'one-packet', 'scheduler-1', 'scheduler-2', 'scheduler-3'] as const).filter((flag) =>
    flags.has(flag),
  )
