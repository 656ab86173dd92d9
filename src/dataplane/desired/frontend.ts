import type { ObjectName } from '../../model/object-name.ts'
import type { Protocol } from '../../model/service.ts'
import type { Cidr, IpAddress, IpFamily } from '../../util/address.ts'
import { type IpvsOptions, sameIpvsOptions } from './ipvs-options.ts'

declare const keyBrand: unique symbol
/** Identity of a frontend within its family: `10.96.0.1/TCP/80` or `node/TCP/30080`. */
export type FrontendKey = string & { readonly [keyBrand]: true }

/** For the many frontends that have none of a kind: one list that they share. */
export const NO_ENDPOINTS: readonly Endpoint[] = Object.freeze([])

export interface Endpoint {
  readonly address: IpAddress
  readonly port: number
  /** On this node: such endpoints come first in `Frontend.endpoints`. */
  readonly local: boolean
  /**
   * Not known to be on another node: its own connections to its Service can pass this node and come back to it, and
   * then need masquerade.
   */
  readonly mayHairpin: boolean
}

/** How clients reach the frontend: decides masquerade and which endpoints they get. */
export type FrontendKind = 'ClusterIP' | 'NodePort' | 'ExternalIP' | 'LoadBalancer'

/** What to do with a connection that no endpoint can take: an answer at once, or silence. */
export type NoEndpoints = 'reject' | 'drop'

/**
 * One (address or node-port class, protocol, port) that a Service answers on, with everything a backend needs to
 * program it. A value: equal inputs give equal frontends, and a backend never looks at a Service again.
 */
export interface Frontend {
  readonly key: FrontendKey
  readonly family: IpFamily
  readonly service: ObjectName
  readonly portName: string
  readonly kind: FrontendKind
  /** Undefined for a node port: the backend puts it on every node-port address. */
  readonly address: IpAddress | undefined
  readonly protocol: Protocol
  readonly port: number
  /**
   * Endpoints for clients under policy Cluster, and for pods and this node under policy Local too (as if they went out
   * to a load balancer and came back in elsewhere): local ones first, then by address and port.
   */
  readonly endpoints: readonly Endpoint[]
  /**
   * Under externalTrafficPolicy Local what clients from outside get; empty: they are dropped. Usually the leading local
   * ones of `endpoints`, but ones that terminate or that hints keep from others may not be among them. Undefined
   * under policy Cluster.
   */
  readonly localEndpoints: readonly Endpoint[] | undefined
  /**
   * Endpoints that still serve but get no new connection through this frontend, as they terminate or as policy or hints
   * leave them out: connections that they have are theirs to the end. Backends have no use for them.
   */
  readonly keptEndpoints: readonly Endpoint[]
  readonly whenEmpty: NoEndpoints
  /** Seconds of ClientIP affinity, 0 for none. */
  readonly affinitySeconds: number
  /** Of a load-balancer address: clients from elsewhere are dropped. Empty: clients from anywhere. */
  readonly sourceRanges: readonly Cidr[]
  /** Where load balancers ask whether the Service has endpoints here, for firewalls to let them in; 0 for none. */
  readonly healthCheckNodePort: number
  readonly ipvs: IpvsOptions
}

/** One frontend as it should be now; `frontend` undefined means it is gone. */
export interface FrontendChange {
  readonly key: FrontendKey
  readonly family: IpFamily
  readonly frontend: Frontend | undefined
}

export const frontendKey = (address: IpAddress | undefined, protocol: Protocol, port: number): FrontendKey =>
  `${address ?? 'node'}/${protocol}/${port}` as FrontendKey

export const sameFrontend = (a: Frontend, b: Frontend): boolean =>
  a === b ||
  (a.key === b.key &&
    a.service === b.service &&
    a.portName === b.portName &&
    a.kind === b.kind &&
    a.whenEmpty === b.whenEmpty &&
    a.affinitySeconds === b.affinitySeconds &&
    a.healthCheckNodePort === b.healthCheckNodePort &&
    sameList(a.endpoints, b.endpoints, sameEndpoint) &&
    (a.localEndpoints === undefined || b.localEndpoints === undefined
      ? a.localEndpoints === b.localEndpoints
      : sameList(a.localEndpoints, b.localEndpoints, sameEndpoint)) &&
    sameList(a.keptEndpoints, b.keptEndpoints, sameEndpoint) &&
    sameList(a.sourceRanges, b.sourceRanges, sameCidr) &&
    sameIpvsOptions(a.ipvs, b.ipvs))

const sameCidr = (a: Cidr, b: Cidr): boolean => a.address === b.address && a.prefix === b.prefix

const sameEndpoint = (a: Endpoint, b: Endpoint): boolean =>
  a.address === b.address && a.port === b.port && a.local === b.local && a.mayHairpin === b.mayHairpin

function sameList<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  return a.every((x, i) => {
    const y = b[i]
    return y !== undefined && same(x, y)
  })
}
