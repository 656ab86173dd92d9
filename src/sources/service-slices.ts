import { createHash } from 'node:crypto'
import type { EndpointPort, EndpointSlice, SliceEndpoint } from '../model/endpoint-slice.ts'
import { type ObjectName, objectName, splitObjectName } from '../model/object-name.ts'
import type { Pod } from '../model/pod.ts'
import type { PodStatus } from '../model/pod-status.ts'
import type { Service, ServicePort } from '../model/service.ts'
import { familyOf, type IpFamily } from '../util/address.ts'

/** A pod that a Service's selector matches and that the node knows. */
export interface Candidate {
  readonly pod: Pod
  readonly status: PodStatus
  readonly terminating: boolean
}

/**
 * The slices of a Service by name: one for each family and each outcome of its target ports, since every port of a
 * slice serves every endpoint of it, and a port's name can mean another number in each pod. Endpoints are in the order
 * of their addresses, so that equal pods give equal slices.
 */
export function serviceSlices(
  service: Service,
  candidates: readonly Candidate[],
  nodeName: string,
): ReadonlyMap<ObjectName, EndpointSlice> {
  const groups = new Map<
    ObjectName,
    { family: IpFamily; ports: readonly EndpointPort[]; endpoints: SliceEndpoint[] }
  >()
  for (const { pod, status, terminating } of candidates) {
    // A pod that has run to its end serves nobody, whatever its address (the endpoint slice controller leaves it out).
    if (status.phase === 'Succeeded' || status.phase === 'Failed') continue
    const ports = resolvePorts(service.ports, pod)
    if (ports.length === 0) continue
    for (const family of service.ipFamilies) {
      const address = status.podIPs.find((candidate) => familyOf(candidate) === family)
      if (address === undefined) continue
      const name = sliceName(service, family, ports)
      const group = groups.get(name) ?? { family, ports, endpoints: [] }
      groups.set(name, group)
      group.endpoints.push({
        address,
        ready: status.ready && !terminating,
        serving: status.ready,
        terminating,
        nodeName,
        zone: undefined,
        forZones: [],
        forNodes: [],
      })
    }
  }
  const slices = new Map<ObjectName, EndpointSlice>()
  for (const [name, { family, ports, endpoints }] of groups) {
    endpoints.sort((a, b) => (a.address < b.address ? -1 : 1))
    slices.set(name, { name, service: service.name, family, ports, endpoints, triggerTime: undefined })
  }
  return slices
}

/** Ports whose target the pod has: a number always, a name when a container declares it for that protocol. */
function resolvePorts(ports: readonly ServicePort[], pod: Pod): readonly EndpointPort[] {
  return ports.flatMap(({ name, protocol, targetPort }) => {
    if (typeof targetPort === 'number') return [{ name, protocol, port: targetPort }]
    for (const container of pod.containers) {
      const declared = container.ports.find((port) => port.name === targetPort && port.protocol === protocol)
      if (declared !== undefined) return [{ name, protocol, port: declared.port }]
    }
    return []
  })
}

function sliceName(service: Service, family: IpFamily, ports: readonly EndpointPort[]): ObjectName {
  const { namespace, name } = splitObjectName(service.name)
  const outcome = ports.map((port) => `${port.name}/${port.protocol}/${port.port}`).join(' ')
  const hash = createHash('sha256').update(`${family} ${outcome}`).digest('hex').slice(0, 5)
  return objectName(namespace, `${name}-${hash}`)
}
