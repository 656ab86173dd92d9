import type { ConntrackEntry, ConntrackSocket } from '../../../native/conntrack.ts'
import { familyOf } from '../../../util/address.ts'
import { joinPort } from '../snapshot.ts'
import type { Attempt, Client } from './client.ts'
import type { Target } from './targets.ts'

/** Bits of enum ip_conntrack_status (linux/netfilter/nf_conntrack_common.h). */
const seenReply = 1 << 1
const assured = 1 << 2

/** What the kernel has to say of the connections of a client to a target: where each went, and whether it was answered. */
export interface Evidence {
  /** Connections by backend (`10.244.0.2:8080`) that were answered. */
  readonly answered: ReadonlyMap<string, number>
  /** Connections that were sent to a backend and not answered. */
  readonly silent: ReadonlyMap<string, number>
}

/**
 * Reads connection tracking, which sees every protocol and needs nothing of the servers: the source of a connection's
 * answers is the endpoint that it went to. It remembers a closed TCP connection for two minutes, one of UDP for half a
 * minute. Entries of `before` are not counted.
 */
export async function readEvidence(
  conntrack: ConntrackSocket,
  target: Target,
  client: Client,
  attempts: readonly Attempt[],
  before: ReadonlySet<number>,
): Promise<Evidence> {
  const ports = new Set(attempts.flatMap(({ localPort }) => localPort ?? []))
  const answered = new Map<string, number>()
  const silent = new Map<string, number>()
  for (const entry of await entriesOf(conntrack, target)) {
    const ours =
      client.addresses === undefined
        ? ports.has(entry.original.sourcePort)
        : client.addresses.includes(entry.original.source)
    if (!ours || before.has(entry.id)) continue
    const counts = isAnswered(entry, target) ? answered : silent
    const backend = joinPort(entry.reply.source, entry.reply.sourcePort)
    counts.set(backend, (counts.get(backend) ?? 0) + 1)
  }
  return { answered, silent }
}

/** Connections to the target that are known before a client makes its own. */
export async function knownConnections(
  conntrack: ConntrackSocket,
  target: Target,
): Promise<ReadonlySet<number>> {
  return new Set((await entriesOf(conntrack, target)).map(({ id }) => id))
}

async function entriesOf(
  conntrack: ConntrackSocket,
  { address, port, protocol }: Target,
): Promise<readonly ConntrackEntry[]> {
  const original = { destination: address, destinationPort: port }
  return [...(await conntrack.find([{ family: familyOf(address), protocol, original, translated: true }]))]
}

/** A TCP reset is a reply too: only a whole handshake makes a connection "assured". */
const isAnswered = ({ status }: ConntrackEntry, { protocol }: Target): boolean =>
  (status & (protocol === 'TCP' ? assured : seenReply)) !== 0
