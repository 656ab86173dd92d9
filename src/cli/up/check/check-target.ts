import { setTimeout as sleep } from 'node:timers/promises'
import type { ConntrackSocket } from '../../../native/conntrack.ts'
import { joinPort } from '../snapshot.ts'
import type { Attempt, Client } from './client.ts'
import { type Evidence, knownConnections, readEvidence } from './evidence.ts'
import type { Target } from './targets.ts'

/**
 * Between rounds. A refused datagram is known by an ICMP error, of which the kernel sends one a second to a client
 * once a few were sent (net.ipv4.icmp_ratelimit): asked more often, a port without a server would pass for a quiet one.
 */
const pauseMs = { TCP: 100, SCTP: 100, UDP: 1200 } as const

export interface CheckResult {
  readonly passed: boolean
  /** One line: what was seen, or what is missing. */
  readonly text: string
}

export interface CheckOptions {
  readonly conntrack: ConntrackSocket
  /** A pod counts as ready when its processes run; a server may need a little longer until it listens. */
  readonly patienceMs: number
  readonly signal: AbortSignal
}

/**
 * Connects from a client to a target until every endpoint has answered and nothing failed in the last round. Endpoints
 * are drawn at random, so a round makes several connections an endpoint, and there are as many rounds as it takes.
 */
export async function checkTarget(
  target: Target,
  client: Client,
  { conntrack, patienceMs, signal }: CheckOptions,
): Promise<CheckResult> {
  const what = `${target.label} from ${client.name}`
  if (target.backends.length === 0)
    return { passed: false, text: `${what}: the Service has no ready endpoint` }
  const expected = target.backends.map(({ address, port }) => joinPort(address, port))
  const before = await knownConnections(conntrack, target)
  const attempts: Attempt[] = []
  const perRound = Math.max(8, expected.length * 3)
  for (
    const deadline = Date.now() + patienceMs;
    ;
    await sleep(pauseMs[target.protocol], undefined, { signal })
  ) {
    const round = await client.connect(target, perRound)
    attempts.push(...round)
    const evidence = await readEvidence(conntrack, target, client, attempts, before)
    const problem = missing(target, expected, round, evidence)
    if (problem === undefined) return { passed: true, text: `${what}: ${seen(target, expected, evidence)}` }
    if (Date.now() > deadline) return { passed: false, text: `${what}: ${problem}` }
  }
}

/** What keeps the check from passing, undefined when nothing does. */
function missing(
  { service, protocol }: Target,
  expected: readonly string[],
  round: readonly Attempt[],
  { answered, silent }: Evidence,
): string | undefined {
  const error = round.find((attempt) => attempt.error !== undefined)?.error
  if (error !== undefined) {
    const failed = round.filter((attempt) => attempt.error !== undefined).length
    return `${failed} of ${round.length} connections failed (${error})`
  }
  // Datagrams may well go unanswered: that they arrive everywhere is all that can be asked.
  const reached =
    protocol === 'UDP' ? new Set([...answered.keys(), ...silent.keys()]) : new Set(answered.keys())
  const strangers = [...reached].filter((backend) => !expected.includes(backend))
  if (strangers.length > 0) return `${strangers.join(', ')} answered, which is no endpoint of the Service`
  // Affinity sends one client to one endpoint, whichever it is.
  const wanted = service.affinitySeconds > 0 ? 1 : expected.length
  if (expected.filter((backend) => reached.has(backend)).length >= wanted) return undefined
  const silence = expected.filter((backend) => !reached.has(backend))
  return `${reached.size} of ${expected.length} endpoints answered; silent: ${silence.join(', ')}`
}

function seen(
  { service, protocol }: Target,
  expected: readonly string[],
  { answered, silent }: Evidence,
): string {
  const sum = (counts: ReadonlyMap<string, number>): number =>
    [...counts.values()].reduce((total, count) => total + count, 0)
  if (service.affinitySeconds > 0)
    return `one endpoint of ${expected.length} keeps this client (session affinity)`
  const all = expected.length === 1 ? 'its endpoint' : `all ${expected.length} endpoints`
  if (protocol === 'UDP' && sum(answered) === 0)
    return `datagrams reach ${all}; none was answered (${sum(silent)} sent)`
  return `${all} answered (${sum(answered)} connections)`
}
