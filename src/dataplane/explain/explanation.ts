import type { ObjectName } from '../../model/object-name.ts'
import type { Problem } from '../../model/problem.ts'
import type { TrafficPolicy } from '../../model/service.ts'
import type { IpAddress } from '../../util/address.ts'
import type { FrontendConnections } from '../conntrack/connection-report.ts'
import type { FrontendKind } from '../desired/frontend.ts'
import type { ProxyMode } from '../proxy-modes.ts'
import type { Question } from './question.ts'

/** What becomes of a connection. `passed`: Hawser does nothing about it. */
export type Fate = 'balanced' | 'rejected' | 'dropped' | 'passed'

/** Clients that are treated alike. */
export type ClientKind = 'pod' | 'node' | 'outside'

/** What the clients of some kinds get. */
export interface Treatment {
  readonly clients: readonly ClientKind[]
  readonly fate: Fate
  /** One sentence without a full stop. */
  readonly why: string
  readonly masquerade: { readonly applies: boolean; readonly why: string }
  readonly endpoints: readonly ExplainedEndpoint[]
}

export interface ExplainedEndpoint {
  readonly address: IpAddress
  readonly port: number
  readonly nodeName: string | undefined
  readonly zone: string | undefined
  /** Takes connections of these clients. */
  readonly taken: boolean
  readonly why: string
}

export interface ExplainedFrontend {
  readonly service: ObjectName
  readonly portName: string
  readonly kind: FrontendKind
  readonly externalTrafficPolicy: TrafficPolicy
  readonly internalTrafficPolicy: TrafficPolicy
  /** 0: none. */
  readonly affinitySeconds: number
  readonly sourceRanges: readonly string[]
  /** The kernel does all of it already. */
  readonly inForce: boolean
}

/** The kernel's objects that do it, one a line in the words of the kernel's own tool. */
export interface KernelObjects {
  readonly lines: readonly string[]
  /** Whether they say what they have counted: by now, nothing as such objects do not count, or it could not be read. */
  readonly counts: 'read' | 'none' | 'unreadable'
}

/** Connections to the frontend that the kernel tracks. */
export interface LiveConnections {
  readonly listed: readonly LiveConnection[]
  /** How many there are. */
  readonly total: number
}

/** A connection that the kernel tracks. */
export interface LiveConnection {
  readonly client: string
  readonly endpoint: string
  /** Seconds until the kernel forgets it, when nothing more comes. */
  readonly timeoutSeconds: number
}

/** What happens to connections to one address, port and protocol on this node, and why. */
export interface Explanation {
  readonly question: Question
  readonly mode: ProxyMode
  readonly frontend: ExplainedFrontend | undefined
  /** One for all clients that are asked about, or several where they differ. */
  readonly treatments: readonly Treatment[]
  readonly problems: readonly Problem[]
  readonly kernel: KernelObjects
  /** What conntrack counted of the frontend since the daemon began to; undefined where nobody counts. */
  readonly counted: FrontendConnections | undefined
  readonly connections: LiveConnections
}
