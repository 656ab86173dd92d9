import type { Cidr, IpAddress, IpFamily } from '../util/address.ts'
import type { ObjectName } from './object-name.ts'

/** Transport protocols a Service port can have (core/v1 `Protocol`). */
export type Protocol = 'TCP' | 'UDP' | 'SCTP'

export type TrafficPolicy = 'Cluster' | 'Local'

export interface ServicePort {
  /** Empty for the single unnamed port of a Service. EndpointSlice ports are matched by it. */
  readonly name: string
  readonly protocol: Protocol
  readonly port: number
  /** A container port number, or the name of one; used where Hawser itself selects endpoints. */
  readonly targetPort: number | string
  /** 0 when the Service has no node port. */
  readonly nodePort: number
}

/** A core/v1 Service that the proxy serves: headless and ExternalName ones are not in the model. */
export interface Service {
  readonly name: ObjectName
  /** When it was made, in ms since the epoch; undefined where the source does not say. */
  readonly createdAt: number | undefined
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer'
  readonly ipFamilies: readonly IpFamily[]
  /** At most one address a family. */
  readonly clusterIPs: readonly IpAddress[]
  readonly externalIPs: readonly IpAddress[]
  /** LoadBalancer ingress addresses of `ipMode: VIP`. */
  readonly loadBalancerIPs: readonly IpAddress[]
  readonly loadBalancerSourceRanges: readonly Cidr[]
  readonly ports: readonly ServicePort[]
  /** Undefined: endpoints come from EndpointSlices made by somebody else. */
  readonly selector: ReadonlyMap<string, string> | undefined
  /** Seconds of ClientIP affinity; 0 is none. */
  readonly affinitySeconds: number
  readonly internalTrafficPolicy: TrafficPolicy
  readonly externalTrafficPolicy: TrafficPolicy
  /** 0 when there is none. */
  readonly healthCheckNodePort: number
  readonly annotations: ReadonlyMap<string, string>
}
