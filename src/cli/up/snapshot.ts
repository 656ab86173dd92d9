import type { FrontendStatus } from '../../dataplane/status.ts'
import type { EndpointSlice } from '../../model/endpoint-slice.ts'
import { type ObjectName, splitObjectName } from '../../model/object-name.ts'
import type { Pod } from '../../model/pod.ts'
import type { PodStatus } from '../../model/pod-status.ts'
import type { Problem } from '../../model/problem.ts'
import type { Service } from '../../model/service.ts'
import { familyOf, type IpAddress } from '../../util/address.ts'
import { groupBy } from '../../util/group-by.ts'
import type { NodeFacts } from './node-facts.ts'

/** One port of a Service, as the table and `--json` show it. */
export interface ServiceRow {
  readonly service: string
  readonly type: string
  readonly protocol: string
  /** `10.96.0.80:80`, brackets around IPv6. */
  readonly addresses: readonly string[]
  /** 0 when there is none. */
  readonly nodePort: number
  /** Where the node port answers: on the node's addresses of the Service's families. */
  readonly nodeAddresses: readonly string[]
  readonly endpoints: { readonly ready: number; readonly total: number }
  readonly state: 'answers' | 'no endpoints' | 'not in the kernel'
}

export interface PodRow {
  readonly pod: string
  readonly state: string
  readonly message: string
  readonly ready: { readonly containers: number; readonly total: number }
  readonly restarts: number
  readonly addresses: readonly string[]
}

export interface Snapshot {
  readonly services: readonly ServiceRow[]
  readonly pods: readonly PodRow[]
  readonly problems: readonly Problem[]
  /** What a user can try from this machine. */
  readonly urls: readonly string[]
}

/** What there is to see of a node; in the order of names, so that equal facts look the same. */
export function takeSnapshot(facts: NodeFacts): Snapshot {
  const slices = groupBy(facts.slices.values(), (slice) => slice.service)
  const frontends = groupBy(facts.proxy.frontends, (frontend) => frontend.service)
  const services = [...facts.services.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((service) =>
      serviceRows(
        service,
        facts.nodeAddresses,
        slices.get(service.name) ?? [],
        frontends.get(service.name) ?? [],
      ),
    )
  const names = new Set([...facts.pods.keys(), ...facts.statuses.keys()])
  const pods = [...names].sort().map((name) => podRow(name, facts.pods.get(name), facts.statuses.get(name)))
  const urls = services
    .filter((row) => row.protocol === 'TCP' && row.endpoints.ready > 0)
    .flatMap((row) => [...row.addresses, ...row.nodeAddresses].map((address) => `http://${address}`))
  return { services, pods, problems: facts.problems, urls }
}

function serviceRows(
  service: Service,
  nodeAddresses: readonly IpAddress[],
  slices: readonly EndpointSlice[],
  frontends: readonly FrontendStatus[],
): readonly ServiceRow[] {
  const served = nodeAddresses.filter((address) => service.ipFamilies.includes(familyOf(address)))
  return service.ports.map((port) => {
    const endpoints = portEndpoints(port.name, slices)
    const ready = endpoints.filter((endpoint) => endpoint.ready).length
    const own = frontends.filter((frontend) => frontend.portName === port.name)
    // Without a frontend it was never asked for.
    const inForce = own.length > 0 && own.every((frontend) => frontend.inForce)
    return {
      service: shortName(service.name),
      type: service.type,
      protocol: port.protocol,
      addresses: service.clusterIPs.map((address) => joinPort(address, port.port)),
      nodePort: port.nodePort,
      nodeAddresses: port.nodePort === 0 ? [] : served.map((address) => joinPort(address, port.nodePort)),
      endpoints: { ready, total: endpoints.length },
      state: !inForce ? 'not in the kernel' : ready === 0 ? 'no endpoints' : 'answers',
    }
  })
}

/** Endpoints of one port over all slices of a Service, each address once. */
function portEndpoints(
  portName: string,
  slices: readonly EndpointSlice[],
): readonly { address: IpAddress; ready: boolean }[] {
  const found = new Map<IpAddress, boolean>()
  for (const slice of slices) {
    if (!slice.ports.some((port) => port.name === portName)) continue
    for (const { address, ready } of slice.endpoints) found.set(address, ready || found.get(address) === true)
  }
  return [...found].map(([address, ready]) => ({ address, ready }))
}

function podRow(name: ObjectName, pod: Pod | undefined, status: PodStatus | undefined): PodRow {
  const containers = status?.containers ?? []
  const wanted = pod !== undefined && (status === undefined || status.uid === pod.uid)
  return {
    pod: shortName(name),
    state:
      status === undefined
        ? 'Pending'
        : wanted && !status.terminating
          ? status.reason || status.phase
          : 'Terminating',
    message: status?.message ?? '',
    ready: {
      containers: containers.filter((container) => container.ready).length,
      total: pod?.containers.length ?? containers.length,
    },
    restarts: containers.reduce((sum, container) => sum + container.restartCount, 0),
    addresses: status?.podIPs ?? [],
  }
}

/** The namespace is left out where it is the default one. */
export function shortName(full: ObjectName): string {
  const { namespace, name } = splitObjectName(full)
  return namespace === 'default' ? name : full
}

export const joinPort = (address: IpAddress, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
