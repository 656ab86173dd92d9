import type { ConnectionReport } from '../../dataplane/conntrack/connection-report.ts'
import type { ConntrackStatus } from '../../dataplane/conntrack/conntrack-status.ts'

/** What `/connections` answers: totals, whose differences over time are rates. */
export interface ConnectionsReply {
  readonly pid: number
  /** Ms since the epoch. */
  readonly at: number
  /** Why there is nothing to see; null while connections are counted. */
  readonly notCounted: string | null
  /** Whether the kernel counts bytes; null when it does not say. */
  readonly countsBytes: boolean | null
  /** Events that were lost since the start. */
  readonly lostEvents: number
  readonly total: ConnectionReport['total']
  readonly services: ConnectionReport['services']
}

const NOTHING: ConnectionReport = {
  total: {
    opened: 0,
    closed: 0,
    active: 0,
    unreplied: 0,
    originalBytes: 0,
    replyBytes: 0,
    originalPackets: 0,
    replyPackets: 0,
  },
  services: [],
}

/** `status` is undefined where connections are not followed at all. */
export function connectionsReply(
  status: ConntrackStatus | undefined,
  report: ConnectionReport = NOTHING,
): ConnectionsReply {
  return {
    pid: process.pid,
    at: Date.now(),
    notCounted:
      status === undefined ? 'this daemon does not follow connections' : (status.notCounted?.message ?? null),
    countsBytes: status?.countsBytes ?? null,
    lostEvents: status?.engine?.droppedEvents ?? 0,
    ...report,
  }
}
