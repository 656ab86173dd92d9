import type { ProxyStatus } from './status.ts'

/** What `/healthz` and `/livez` answer; the names are kube-proxy's (pkg/proxy/healthcheck/proxy_health.go). */
export interface HealthReport {
  readonly healthy: boolean
  readonly lastUpdated: Date | undefined
  readonly currentTime: Date
}

/** kube-proxy gives a sync two of its periods of 30 s before it counts as overdue. */
const OVERDUE_MS = 60_000

/** Healthy: every family was synced once, and what came since is in force or has not waited for long. */
export function proxyHealth({ families }: ProxyStatus, now: number): HealthReport {
  const synced = families.map(({ lastSync }) => lastSync).filter((time) => time !== undefined)
  const complete = synced.length === families.length
  const pending = Math.min(...families.map(({ pendingSince }) => pendingSince ?? now))
  const healthy = complete && now - pending <= OVERDUE_MS
  // What is in force is as of now while nothing waits.
  const lastUpdated = !complete ? undefined : pending < now ? Math.min(...synced) : now
  return {
    healthy,
    lastUpdated: lastUpdated === undefined ? undefined : new Date(lastUpdated),
    currentTime: new Date(now),
  }
}
