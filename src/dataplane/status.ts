import type { ObjectName } from '../model/object-name.ts'
import type { Problem } from '../model/problem.ts'
import type { Protocol } from '../model/service.ts'
import type { IpAddress, IpFamily } from '../util/address.ts'
import type { ConntrackStatus } from './conntrack/conntrack-status.ts'
import type { FrontendKey, FrontendKind } from './desired/frontend.ts'
import type { AuditFinding, AuditRecord } from './kernel-audit.ts'
import type { ProxyMode } from './proxy-modes.ts'

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

/** How the loop of one address family is doing. */
export interface ReconcilerStatus {
  readonly family: IpFamily
  /** Objects in the kernel by kind. */
  readonly objects: ReadonlyMap<string, number>
  /** Ms since the epoch of the last transaction that the kernel took, undefined before the first. */
  readonly lastSync: number | undefined
  /** Ms since the epoch from which on there has always been something to do; undefined when there is nothing. */
  readonly pendingSince: number | undefined
  /** Why the kernel is not as desired at the moment; undefined when it is or is about to be. */
  readonly lastError: Error | undefined
  /** Frontends that the kernel refuses, and with what. */
  readonly refused: ReadonlyMap<FrontendKey, Error>
  /** Undefined before the first. */
  readonly lastAudit: AuditRecord | undefined
  /** The last one that was not clean. */
  readonly lastFinding: AuditFinding | undefined
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
