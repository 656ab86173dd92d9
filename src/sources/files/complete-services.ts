import type { PortRange } from '../../config/port-range.ts'
import type { ObjectName } from '../../model/object-name.ts'
import type { Problem } from '../../model/problem.ts'
import type { Service, ServicePort } from '../../model/service.ts'
import type { Cidr, IpAddress } from '../../util/address.ts'
import type { Allocations } from './allocation-memory.ts'
import { assignClusterIPs, type PlacedService } from './cluster-ips.ts'
import { assignNodePorts } from './node-ports.ts'

export interface AllocationRanges {
  /** At most one a family. */
  readonly clusterIPs: readonly Cidr[]
  readonly nodePorts: PortRange
}

export interface CompleteServices {
  readonly services: ReadonlyMap<ObjectName, Service>
  readonly allocations: Allocations
  readonly problems: readonly Problem[]
}

/** Fills in what an API server would have: cluster IPs and node ports. A Service that cannot have them is left out. */
export function completeServices(
  placed: readonly PlacedService[],
  memory: Allocations,
  ranges: AllocationRanges,
): CompleteServices {
  const ips = assignClusterIPs(placed, memory.clusterIPs, ranges.clusterIPs)
  const nodePorts = assignNodePorts(placed, memory.nodePorts, ranges.nodePorts)
  const services = new Map<ObjectName, Service>()
  for (const { service } of placed) {
    const clusterIPs = ips.addresses.get(service.name)
    const ports = nodePorts.ports.get(service.name)
    if (clusterIPs !== undefined && ports !== undefined)
      services.set(service.name, complete(service, clusterIPs, ports))
  }
  return {
    services,
    allocations: { clusterIPs: ips.remembered, nodePorts: nodePorts.remembered },
    problems: [...ips.problems, ...nodePorts.problems],
  }
}

/** What each Service became last: an unchanged one stays the same object, which is how nobody compares it again. */
const completed = new WeakMap<Service, Service>()

function complete(
  service: Service,
  clusterIPs: readonly IpAddress[],
  ports: readonly ServicePort[],
): Service {
  const before = completed.get(service)
  const same =
    before?.clusterIPs.every((address, index) => address === clusterIPs[index]) &&
    before.ports.every((port, index) => port.nodePort === ports[index]?.nodePort)
  if (before !== undefined && same) return before
  const now = { ...service, clusterIPs, ports }
  completed.set(service, now)
  return now
}
