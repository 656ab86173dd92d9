import { ConntrackSocket } from '../../../native/conntrack.ts'
import type { StandaloneNode } from '../node.ts'
import { type CheckResult, checkTarget } from './check-target.ts'
import { hostClient } from './host-client.ts'
import { findPodClient } from './pod-client.ts'
import { targetsOf } from './targets.ts'

/**
 * Checks that every Service answers from every one of its endpoints, from this machine and from inside a pod. Each
 * result is said as it comes; resolves with those that did not pass.
 */
export async function checkServices(
  node: StandaloneNode,
  options: {
    /** How long a Service may take until it answers from everywhere. */
    readonly patienceMs: number
    readonly say: (text: string) => void
    readonly signal: AbortSignal
  },
): Promise<readonly CheckResult[]> {
  const { say, signal } = options
  const { services, slices, pods, statuses, nodeAddresses } = node.facts()
  const targets = targetsOf(services.values(), [...slices.values()], nodeAddresses)
  const inside = await findPodClient(pods, statuses, node.exec)
  if (inside === undefined && targets.length > 0)
    say('not checked from inside a pod: none has wget or nc (label one hawser.dev/check: client)')
  const failed: CheckResult[] = []
  const conntrack = await ConntrackSocket.open()
  try {
    for (const target of targets) {
      for (const client of inside === undefined ? [hostClient] : [hostClient, inside]) {
        signal.throwIfAborted()
        if (!client.can(target.protocol)) {
          say(`not checked: ${target.label} from ${client.name}, which has no means for ${target.protocol}`)
          continue
        }
        const result = await checkTarget(target, client, { ...options, conntrack })
        say(`${result.passed ? 'ok' : 'FAILED'}: ${result.text}`)
        if (!result.passed) failed.push(result)
      }
    }
  } finally {
    await conntrack.close()
  }
  return failed
}
