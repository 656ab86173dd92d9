import type { IpFamily } from '../util/address.ts'
import type { FamilyStatus } from './status.ts'

/** What `/healthz` and `/livez` answer; the names are kube-proxy's (pkg/proxy/healthcheck/proxy_health.go). */
export interface HealthReport {
  /** Nothing has waited for long: this process does its work. */
  readonly alive: boolean
  /** Alive, and every family was synced once: the rules of this node are as they should be. */
  readonly healthy: boolean
  /** Undefined before every family was synced once. */
  readonly lastUpdated: Date | undefined
  readonly currentTime: Date
  readonly families: ReadonlyMap<IpFamily, FamilyHealth>
}

export interface FamilyHealth {
  readonly healthy: boolean
  readonly lastUpdated: Date | undefined
}

/** What makes a node one that load balancers should send to; a Node of any source fits. */
export interface NodeCondition {
  /** Keys. */
  readonly taints: readonly string[]
  /** It has a deletion timestamp. */
  readonly deleting: boolean
}

/** The cluster autoscaler sets it on nodes that it is about to remove (KEP-3836). */
const TO_BE_DELETED_TAINT = 'ToBeDeletedByClusterAutoscaler'

/** kube-proxy gives a sync two of its periods, which are 30 s by default, before it counts as overdue. */
const PERIODS = 2
const SYNC_PERIOD_MS = 30_000

/**
 * Before the first sync a proxy is alive but not healthy: it may wait for an API server for as long as that takes and
 * must not be restarted for it, while nothing should be sent to a node that may have no rules.
 */
export function proxyHealth(
  families: readonly FamilyStatus[],
  now: number,
  syncPeriodMs = SYNC_PERIOD_MS,
): HealthReport {
  const isOverdue = ({ pendingSince }: FamilyStatus): boolean =>
    pendingSince !== undefined && now - pendingSince > PERIODS * syncPeriodMs
  const synced = families.map(({ lastSync }) => lastSync).filter((time) => time !== undefined)
  const complete = synced.length === families.length
  const alive = !families.some(isOverdue)
  // What is in force is as of now while nothing waits.
  const waiting = families.some(({ pendingSince }) => pendingSince !== undefined && pendingSince < now)
  const lastUpdated = waiting ? Math.min(...synced) : now
  return {
    alive,
    healthy: alive && complete,
    lastUpdated: complete ? new Date(lastUpdated) : undefined,
    currentTime: new Date(now),
    families: new Map(
      families.map((status) => {
        const { family, lastSync } = status
        const healthy = lastSync !== undefined && !isOverdue(status)
        return [family, { healthy, lastUpdated: lastSync === undefined ? undefined : new Date(lastSync) }]
      }),
    ),
  }
}

/** Whether load balancers should go on sending to a node; one that does not exist they should not. */
export const isNodeEligible = (node: NodeCondition | undefined): boolean =>
  node !== undefined && !node.deleting && !node.taints.includes(TO_BE_DELETED_TAINT)
