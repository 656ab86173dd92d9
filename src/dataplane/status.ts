import type { ObjectName } from '../model/object-name.ts'
import type { Problem } from '../model/problem.ts'
import type { Protocol } from '../model/service.ts'
import type { IpAddress } from '../util/address.ts'
import type { ConntrackStatus } from './conntrack/conntrack-status.ts'
import type { FrontendKind } from './desired/frontend.ts'
import type { ProxyMode } from './proxy-modes.ts'
import type { ReconcilerStatus } from './reconciler.ts'

/** How the dataplane is doing, as one snapshot. */
export interface ProxyStatus {
  readonly families: readonly FamilyStatus[]
  /** By Service, then in a fixed order. */
  readonly frontends: readonly FrontendStatus[]
  /** What Services ask for and do not get, and what the kernel refuses. */
  readonly problems: readonly Problem[]
  /** Undefined where connections are not followed. */
  readonly conntrack: ConntrackStatus | undefined
}

export interface FamilyStatus extends ReconcilerStatus {
  readonly mode: ProxyMode
}

export interface FrontendStatus {
  readonly service: ObjectName
  readonly portName: string
  readonly kind: FrontendKind
  /** Undefined for a node port: it is on every node address. */
  readonly address: IpAddress | undefined
  readonly protocol: Protocol
  readonly port: number
  /** Endpoints that take new connections. */
  readonly endpoints: number
  /** The kernel does all of this already. */
  readonly inForce: boolean
}
