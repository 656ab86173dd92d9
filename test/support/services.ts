import type { Change } from '../../src/model/change.ts'
import type { EndpointPort, EndpointSlice, SliceEndpoint } from '../../src/model/endpoint-slice.ts'
import { objectName } from '../../src/model/object-name.ts'
import type { Service, ServicePort } from '../../src/model/service.ts'
import { type Cidr, type IpAddress, parseAddress, parseCidr } from '../../src/util/address.ts'

export function address(text: string): IpAddress {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new Error(`${text} is no address`)
  return parsed
}

export function cidr(text: string): Cidr {
  const parsed = parseCidr(text)
  if (parsed === undefined) throw new Error(`${text} is no CIDR`)
  return parsed
}

export const port = (fields: Partial<ServicePort> = {}): ServicePort => ({
  name: '',
  protocol: 'TCP',
  port: 80,
  targetPort: 8080,
  nodePort: 0,
  ...fields,
})

/** A ClusterIP Service of one TCP port unless told otherwise. */
export const service = (name: string, clusterIP: string, fields: Partial<Service> = {}): Service => ({
  name: objectName('default', name),
  createdAt: undefined,
  type: 'ClusterIP',
  ipFamilies: [clusterIP.includes(':') ? 'IPv6' : 'IPv4'],
  clusterIPs: [address(clusterIP)],
  externalIPs: [],
  loadBalancerIPs: [],
  loadBalancerSourceRanges: [],
  ports: [port()],
  selector: undefined,
  affinitySeconds: 0,
  internalTrafficPolicy: 'Cluster',
  externalTrafficPolicy: 'Cluster',
  healthCheckNodePort: 0,
  annotations: new Map(),
  ...fields,
})

export const sliceEndpoint = (at: string, fields: Partial<SliceEndpoint> = {}): SliceEndpoint => ({
  address: address(at),
  ready: true,
  serving: true,
  terminating: false,
  nodeName: 'here',
  zone: undefined,
  forZones: [],
  forNodes: [],
  ...fields,
})

/** A slice of `serviceName` with ready endpoints on this node (`here`) at one TCP port unless told otherwise. */
export const slice = (
  serviceName: string,
  endpoints: readonly (string | SliceEndpoint)[],
  fields: Partial<EndpointSlice> & { readonly port?: Partial<EndpointPort> } = {},
): EndpointSlice => {
  const { port: slicePort, ...rest } = fields
  const listed = endpoints.map((item) => (typeof item === 'string' ? sliceEndpoint(item) : item))
  return {
    name: objectName('default', `${serviceName}-1`),
    service: objectName('default', serviceName),
    family: listed[0]?.address.includes(':') ? 'IPv6' : 'IPv4',
    ports: [{ name: '', protocol: 'TCP', port: 8080, ...slicePort }],
    endpoints: listed,
    triggerTime: undefined,
    ...rest,
  }
}

export const serviceChange = (service: Service): Change => ({
  kind: 'Service',
  name: service.name,
  object: service,
})

export const sliceChange = (slice: EndpointSlice): Change => ({
  kind: 'EndpointSlice',
  name: slice.name,
  object: slice,
})

export const goneChange = ({ kind, name }: Change): Change => ({ kind, name, object: undefined })
