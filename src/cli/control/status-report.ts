import type { ConntrackStatus } from '../../dataplane/conntrack/conntrack-status.ts'
import type { AuditRecord } from '../../dataplane/kernel-audit.ts'
import type { FamilyStatus, ProxyStatus } from '../../dataplane/status.ts'
import type { Problem } from '../../model/problem.ts'

/** What `hawser status --json` prints. */
export interface StatusReport {
  readonly pid: number
  readonly families: readonly FamilyReport[]
  readonly services: readonly ServiceReport[]
  readonly problems: readonly Problem[]
  /** Null where connections are not followed. */
  readonly connections: ConnectionTrackingReport | null
}

/** How connection tracking does. */
export interface ConnectionTrackingReport {
  /** Why connections are not counted; null while they are. */
  readonly notCounted: string | null
  /** Why stale connections are not deleted; null while they are. */
  readonly notCleaned: string | null
  /** Who counts: an eBPF program in the kernel, or a thread that reads every event; null while nobody does. */
  readonly engine: 'ebpf' | 'thread' | null
  readonly countsBytes: boolean | null
  readonly lostEvents: number
  /** Times that the connections there are were counted anew. */
  readonly resyncs: number
  readonly staleDeleted: number
}

export interface AuditReport {
  /** ISO 8601. */
  readonly at: string
  readonly result: string
}

export interface FamilyReport {
  readonly family: string
  readonly mode: string
  readonly objects: Readonly<Record<string, number>>
  /** ISO 8601; null before the first. */
  readonly lastSync: string | null
  readonly pendingSince: string | null
  readonly error: string | null
  /** The last comparison of the kernel with what was committed; null before the first. */
  readonly audit: AuditReport | null
  /** The last one that found others' changes or failed, with what it found. */
  readonly finding: (AuditReport & { readonly differences: readonly string[] }) | null
}

/** One address and port of a Service. */
export interface ServiceReport {
  readonly service: string
  readonly port: string
  readonly kind: string
  /** Null for a node port. */
  readonly address: string | null
  readonly number: number
  readonly protocol: string
  readonly endpoints: number
  readonly inForce: boolean
}

const iso = (time: number | undefined): string | null =>
  time === undefined ? null : new Date(time).toISOString()

export const reportStatus = (status: ProxyStatus, otherProblems: readonly Problem[]): StatusReport => ({
  pid: process.pid,
  families: status.families.map(reportFamily),
  services: status.frontends.map((frontend) => ({
    service: frontend.service,
    port: frontend.portName,
    kind: frontend.kind,
    address: frontend.address ?? null,
    number: frontend.port,
    protocol: frontend.protocol,
    endpoints: frontend.endpoints,
    inForce: frontend.inForce,
  })),
  problems: [...otherProblems, ...status.problems],
  connections: status.conntrack === undefined ? null : reportConntrack(status.conntrack),
})

const reportFamily = (family: FamilyStatus): FamilyReport => ({
  family: family.family,
  mode: family.mode,
  objects: Object.fromEntries(family.objects),
  lastSync: iso(family.lastSync),
  pendingSince: iso(family.pendingSince),
  error: family.lastError?.message ?? null,
  audit: family.lastAudit === undefined ? null : reportAudit(family.lastAudit),
  finding:
    family.lastFinding === undefined
      ? null
      : { ...reportAudit(family.lastFinding), differences: family.lastFinding.differences },
})

const reportAudit = ({ at, result }: AuditRecord): AuditReport => ({ at: new Date(at).toISOString(), result })

const reportConntrack = (status: ConntrackStatus): ConnectionTrackingReport => ({
  notCounted: status.notCounted?.message ?? null,
  notCleaned: status.notCleaned?.message ?? null,
  engine: status.engine?.engine ?? null,
  countsBytes: status.countsBytes ?? null,
  lostEvents: status.engine?.droppedEvents ?? 0,
  resyncs: status.engine?.resyncs ?? 0,
  staleDeleted: status.deleted,
})
