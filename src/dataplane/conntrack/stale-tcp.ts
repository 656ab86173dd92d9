import type { Problem } from '../../model/problem.ts'
import { picksUpConnections } from './kernel-settings.ts'

const PLACE = 'stale TCP connections'

/**
 * What stands against ending TCP connections to endpoints that are gone; undefined when nothing does. Their next packet must
 * be taken for the first of a new connection, whose endpoint then answers it with a reset.
 */
export async function staleTcpProblem(
  netns: string | undefined,
  translates: boolean,
): Promise<Problem | undefined> {
  if (!translates)
    return {
      ...{ place: PLACE, severity: 'warning' },
      reason: 'are not reset in mode ipvs: IPVS keeps connections of its own beside the entries deleted here',
      remedy: 'leave --reset-stale-tcp out, or choose another mode',
    }
  if (await picksUpConnections(netns).catch(() => true)) return undefined
  return {
    ...{ place: PLACE, severity: 'warning' },
    reason:
      'are not reset: net.netfilter.nf_conntrack_tcp_loose is 0, so they would hang without an answer instead',
    remedy:
      'sysctl -w net.netfilter.nf_conntrack_tcp_loose=1 and start again, or leave --reset-stale-tcp out',
  }
}
