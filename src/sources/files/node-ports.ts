import type { PortRange } from '../../config/port-range.ts'
import type { ObjectName } from '../../model/object-name.ts'
import type { Problem } from '../../model/problem.ts'
import type { Protocol, Service, ServicePort } from '../../model/service.ts'
import type { PlacedService } from './cluster-ips.ts'
import { type Pool, pick, reservedBand } from './pool.ts'

export interface NodePorts {
  /** Ports of every Service with its node ports filled in; a Service without an entry has an error. */
  readonly ports: ReadonlyMap<ObjectName, readonly ServicePort[]>
  readonly remembered: ReadonlyMap<string, number>
  readonly problems: readonly Problem[]
}

const hasNodePorts = (service: Service): boolean => service.type !== 'ClusterIP'

/** As for cluster IPs: what was given out stays, then explicit wishes, then free ports of the range. */
export function assignNodePorts(
  services: readonly PlacedService[],
  memory: ReadonlyMap<string, number>,
  range: PortRange,
): NodePorts {
  const remembered = new Map(memory)
  const problems: Problem[] = []
  const owners = new Map<string, ObjectName>()
  const ports = new Map<ObjectName, readonly ServicePort[]>()
  const sorted = [...services].sort((a, b) => (a.service.name < b.service.name ? -1 : 1))
  const slot = (protocol: Protocol, port: number): string => `${protocol}/${port}`

  for (const { service } of sorted) {
    for (const port of wantedPorts(service)) {
      const before = memory.get(key(service, port))
      if (before === undefined || before < range.first || before > range.last)
        remembered.delete(key(service, port))
      else if (!owners.has(slot(port.protocol, before))) owners.set(slot(port.protocol, before), service.name)
    }
  }
  const refused = new Set<ObjectName>()
  for (const { service, place } of sorted) {
    for (const port of service.ports) {
      if (port.nodePort === 0) continue
      const owner = owners.get(slot(port.protocol, port.nodePort))
      if (owner !== undefined) problems.push(taken(service, place, port, owner))
      else if (port.nodePort < range.first || port.nodePort > range.last)
        problems.push(outside(service, place, port, range))
      else {
        owners.set(slot(port.protocol, port.nodePort), service.name)
        continue
      }
      refused.add(service.name)
    }
  }
  const away = new Set([...memory].map(([name, port]) => slot(protocolOf(name), port)))
  const pool: Pool = { ...range, reserved: reservedBand(range.last - range.first + 1, 32, 128) }
  for (const { service, place } of sorted) {
    if (refused.has(service.name)) continue
    const filled = service.ports.map((port) => {
      if (!hasNodePorts(service) || port.nodePort !== 0) return port
      const own = key(service, port)
      const at = (candidate: number): string => slot(port.protocol, candidate)
      const before = remembered.get(own)
      const nodePort =
        before !== undefined && owners.get(at(before)) === service.name
          ? before
          : (pick(pool, own, (candidate) => owners.has(at(candidate)) || away.has(at(candidate))) ??
            pick(pool, own, (candidate) => owners.has(at(candidate))))
      if (nodePort === undefined) return port
      owners.set(at(nodePort), service.name)
      remembered.set(own, nodePort)
      return { ...port, nodePort }
    })
    if (hasNodePorts(service) && filled.some((port) => port.nodePort === 0))
      problems.push(usedUp(service, place, range))
    else ports.set(service.name, filled)
  }
  return { ports, remembered, problems }
}

const wantedPorts = (service: Service): readonly ServicePort[] =>
  hasNodePorts(service) ? service.ports.filter((port) => port.nodePort === 0) : []

const key = (service: Service, port: ServicePort): string => `${service.name}/${port.protocol}/${port.port}`

const protocolOf = (name: string): Protocol => {
  const written = name.split('/')[2]
  return written === 'UDP' || written === 'SCTP' ? written : 'TCP'
}

const taken = (service: Service, place: string, port: ServicePort, owner: ObjectName): Problem => ({
  place,
  reason: `Service ${service.name}: the node port ${port.protocol} ${port.nodePort} belongs to Service ${owner}`,
  remedy: 'choose another, or leave nodePort out to get a free one',
  severity: 'error',
})

const outside = (service: Service, place: string, port: ServicePort, range: PortRange): Problem => ({
  place,
  reason: `Service ${service.name}: the node port ${port.nodePort} is outside of ${range.first}-${range.last}`,
  remedy: 'choose one inside, or change --node-port-range',
  severity: 'error',
})

const usedUp = (service: Service, place: string, range: PortRange): Problem => ({
  place,
  reason: `Service ${service.name}: no node port of ${range.first}-${range.last} is free`,
  remedy: 'change --node-port-range',
  severity: 'error',
})
