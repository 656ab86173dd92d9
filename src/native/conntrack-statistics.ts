import { ProgramReader } from './program.ts'

/** In the order of `ProcessorStatistics` in native/conntrack/table_statistics.h. */
const COUNTERS = [
  'found',
  'invalid',
  'insert',
  'insertFailed',
  'drop',
  'earlyDrop',
  'error',
  'searchRestart',
  'clashResolve',
  'chainTooLong',
] as const

/**
 * What the kernel's connection tracking counted since the namespace was made; the words are those of `conntrack -S`:
 * - `found`: lookups that found an entry (kernels count only those of address translation now)
 * - `invalid`: packets that could not be tracked
 * - `insert`: entries inserted by way of netlink or of others that are no packets
 * - `insertFailed`: entries that were not inserted since the same was there: two packets of a flow at once
 * - `drop`: packets dropped since no entry could be had: the table is full, or there is no memory
 * - `earlyDrop`: entries thrown out early to make room for new ones
 * - `error`: packets that a protocol's tracker refused, malformed ICMP among them
 * - `searchRestart`: lookups begun again since the table changed its size meanwhile
 * - `clashResolve`: insertions that failed first and went on with the entry that was there
 * - `chainTooLong`: entries not inserted since their hash bucket was too long
 *
 * Each is modulo 2^32, as the kernel keeps it.
 */
export type ConntrackCounters = Readonly<Record<(typeof COUNTERS)[number], number>>

export interface ConntrackStatistics {
  /** Entries in the table, of both families. */
  readonly entries: number
  /** nf_conntrack_max; 0 where the kernel is too old to say. */
  readonly limit: number
  /** Of all processors together. */
  readonly total: ConntrackCounters
  readonly processors: readonly (ConntrackCounters & { readonly processor: number })[]
}

/** Layout: `ConntrackSession::statistics` of native/conntrack/conntrack_session.h. */
export function readStatistics(reply: Uint8Array): ConntrackStatistics {
  const program = new ProgramReader(reply)
  const entries = program.u32()
  const limit = program.u32()
  const processors: (ConntrackCounters & { readonly processor: number })[] = []
  while (!program.done) {
    const processor = program.u32()
    processors.push({ processor, ...counters(() => program.u32()) })
  }
  const total = counters((name) =>
    processors.reduce((sum, statistics) => (sum + statistics[name]) % 2 ** 32, 0),
  )
  return { entries, limit, total, processors }
}

const counters = (value: (name: (typeof COUNTERS)[number]) => number): ConntrackCounters =>
  Object.fromEntries(COUNTERS.map((name) => [name, value(name)])) as ConntrackCounters
