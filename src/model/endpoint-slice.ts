import type { IpAddress, IpFamily } from '../util/address.ts'
import type { ObjectName } from './object-name.ts'
import type { Protocol } from './service.ts'

export interface EndpointPort {
  /** Matches a ServicePort's name; empty for the unnamed one. */
  readonly name: string
  readonly protocol: Protocol
  readonly port: number
}

/** One backend of a slice, with the conditions of discovery.k8s.io/v1 `EndpointConditions` (nil already resolved). */
export interface SliceEndpoint {
  readonly address: IpAddress
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
  readonly nodeName: string | undefined
  readonly zone: string | undefined
  readonly forZones: readonly string[]
  readonly forNodes: readonly string[]
}

/** A discovery.k8s.io/v1 EndpointSlice of one family. Every port serves every endpoint. */
export interface EndpointSlice {
  readonly name: ObjectName
  readonly service: ObjectName
  readonly family: IpFamily
  readonly ports: readonly EndpointPort[]
  readonly endpoints: readonly SliceEndpoint[]
  /** `endpoints.kubernetes.io/last-change-trigger-time` in ms since the epoch, when the slice carries it. */
  readonly triggerTime: number | undefined
}
