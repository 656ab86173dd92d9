import type * as v from 'valibot'
import type { Service } from '../../model/service.ts'
import { familyOf, type IpAddress, type IpFamily } from '../../util/address.ts'
import { createdAt, nameOf, toMap } from './metadata.ts'
import { Findings, type Parsed } from './parsed.ts'
import { type Reading, readSchema } from './read-schema.ts'
import { serviceSchema } from './service-schema.ts'

type Written = v.InferOutput<typeof serviceSchema>

/** Served by another proxy when it is there (KEP-2447). */
const proxyNameLabel = 'service.kubernetes.io/service-proxy-name'

/**
 * Reads a core/v1 Service. A missing cluster IP or node port stays missing (no address of the family, port 0): the
 * API server has filled them in, and the file source allocates them. A headless or ExternalName Service and one that
 * another proxy serves have no value.
 */
export function parseService(object: unknown, reading?: Reading): Parsed<Service> {
  const { output, problems } = readSchema(serviceSchema, object, reading)
  const findings = new Findings(problems)
  if (output === undefined) return findings.withoutValue()
  checkPorts(output, findings)
  checkAddresses(output, findings)
  checkPolicies(output, findings)
  return findings.conclude(() => (isServed(output) ? toService(output) : undefined))
}

function isServed({ metadata, spec }: Written): boolean {
  if (metadata.labels[proxyNameLabel] !== undefined || spec.type === 'ExternalName') return false
  return writtenClusterIPs(spec)[0] !== 'None'
}

const writtenClusterIPs = (spec: Written['spec']): readonly (IpAddress | 'None')[] =>
  spec.clusterIPs.length > 0 ? spec.clusterIPs : spec.clusterIP === undefined ? [] : [spec.clusterIP]

function checkPorts({ spec }: Written, findings: Findings): void {
  const headless = writtenClusterIPs(spec)[0] === 'None'
  if (spec.ports.length === 0 && spec.type !== 'ExternalName' && !headless)
    findings.error(['spec', 'ports'], 'must have at least one port')
  const names = new Set<string>()
  const numbers = new Set<string>()
  spec.ports.forEach((port, index) => {
    const path = ['spec', 'ports', index]
    if (port.name === '' && spec.ports.length > 1)
      findings.error([...path, 'name'], 'is required where a Service has several ports')
    if (names.has(port.name)) findings.error([...path, 'name'], `repeats the name ${port.name}`)
    names.add(port.name)
    const number = `${port.protocol} ${port.port}`
    if (numbers.has(number)) findings.error([...path, 'port'], `repeats ${number}`)
    numbers.add(number)
    if (port.nodePort !== 0 && spec.type !== 'NodePort' && spec.type !== 'LoadBalancer')
      findings.error([...path, 'nodePort'], `cannot be used by a Service of type ${spec.type}`)
  })
}

function checkAddresses({ spec }: Written, findings: Findings): void {
  const [first, second] = writtenClusterIPs(spec)
  const path = spec.clusterIPs.length > 0 ? ['spec', 'clusterIPs'] : ['spec', 'clusterIP']
  if (spec.clusterIP !== undefined && first !== spec.clusterIP)
    findings.error(['spec', 'clusterIP'], `must be the first of clusterIPs, not ${spec.clusterIP}`)
  if (second !== undefined && first !== undefined) {
    if (first === 'None' || second === 'None') findings.error(path, 'must be None alone, or addresses')
    else if (familyOf(first) === familyOf(second)) findings.error(path, 'must have one address a family')
  }
  if (spec.ipFamilies.length === 2 && spec.ipFamilies[0] === spec.ipFamilies[1])
    findings.error(['spec', 'ipFamilies'], 'repeats a family')
  spec.ipFamilies.forEach((family, index) => {
    const address = writtenClusterIPs(spec)[index]
    if (address !== undefined && address !== 'None' && familyOf(address) !== family)
      findings.error(['spec', 'ipFamilies', index], `is ${family}, but the cluster IP is ${address}`)
  })
}

function checkPolicies({ spec }: Written, findings: Findings): void {
  const external = spec.type === 'NodePort' || spec.type === 'LoadBalancer' || spec.externalIPs.length > 0
  if (spec.externalTrafficPolicy === 'Local' && !external)
    findings.error(['spec', 'externalTrafficPolicy'], `cannot be used by a Service of type ${spec.type}`)
  if (!spec.allocateLoadBalancerNodePorts)
    findings.warning(
      ['spec', 'allocateLoadBalancerNodePorts'],
      'is ignored where this node itself gives out node ports',
    )
  if (spec.publishNotReadyAddresses)
    findings.warning(['spec', 'publishNotReadyAddresses'], 'is ignored: only ready pods become endpoints')
}

function toService({ metadata, spec, status }: Written): Service {
  const clusterIPs = writtenClusterIPs(spec).filter((address): address is IpAddress => address !== 'None')
  const selector = toMap(spec.selector)
  return {
    name: nameOf(metadata),
    createdAt: createdAt(metadata),
    type: spec.type === 'ExternalName' ? 'ClusterIP' : spec.type,
    ipFamilies: families(spec, clusterIPs),
    clusterIPs,
    externalIPs: spec.externalIPs,
    loadBalancerIPs: status.loadBalancer.ingress
      .filter((ingress) => ingress.ipMode === 'VIP')
      .flatMap((ingress) => ingress.ip ?? []),
    loadBalancerSourceRanges: spec.loadBalancerSourceRanges,
    ports: spec.ports.map((port) => ({
      name: port.name,
      protocol: port.protocol,
      port: port.port,
      targetPort: port.targetPort ?? port.port,
      nodePort: port.nodePort,
    })),
    selector: selector.size === 0 ? undefined : selector,
    affinitySeconds:
      spec.sessionAffinity === 'ClientIP' ? spec.sessionAffinityConfig.clientIP.timeoutSeconds : 0,
    internalTrafficPolicy: spec.internalTrafficPolicy,
    externalTrafficPolicy: spec.externalTrafficPolicy,
    healthCheckNodePort: spec.healthCheckNodePort,
    annotations: toMap(metadata.annotations),
  }
}

function families(spec: Written['spec'], clusterIPs: readonly IpAddress[]): readonly IpFamily[] {
  if (spec.ipFamilies.length > 0) return spec.ipFamilies
  return clusterIPs.length > 0 ? clusterIPs.map(familyOf) : ['IPv4']
}
