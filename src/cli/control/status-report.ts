import type { ProxyStatus } from '../../dataplane/status.ts'
import type { Problem } from '../../model/problem.ts'

/** What `hawser status --json` prints. */
export interface StatusReport {
  readonly pid: number
  readonly families: readonly FamilyReport[]
  readonly services: readonly ServiceReport[]
  readonly problems: readonly Problem[]
}

export interface FamilyReport {
  readonly family: string
  readonly mode: string
  readonly objects: Readonly<Record<string, number>>
  /** ISO 8601; null before the first. */
  readonly lastSync: string | null
  readonly pendingSince: string | null
  readonly error: string | null
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
  families: status.families.map(({ family, mode, objects, lastSync, pendingSince, lastError }) => ({
    family,
    mode,
    objects: Object.fromEntries(objects),
    lastSync: iso(lastSync),
    pendingSince: iso(pendingSince),
    error: lastError?.message ?? null,
  })),
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
})
