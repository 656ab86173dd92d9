import { areAlike, type Fate, isAnswered } from './fate.ts'
import type { Effort, Lab } from './lab.ts'
import { SOURCES } from './places.ts'
import type { Probe } from './probes.ts'

/** A probe of which two proxies make something else. */
export interface Difference {
  readonly probe: Probe
  readonly theirs: Fate
  readonly ours: Fate
}

export interface Comparison {
  readonly differences: readonly Difference[]
  /** Differences that are wanted, by their name. */
  readonly wanted: ReadonlyMap<string, readonly Difference[]>
}

/**
 * Answers within a node take a few ms, with dozens of questions beside them and a machine that does other things dozens of
 * ms: what both sides seem to drop is not asked again. A retry of TCP would come after 1 s.
 */
const SILENCE_MS = 600

/**
 * Which endpoints there are shows only in many answers, and most probes have one fate at once: where two proxies seem to
 * differ they are asked more, and what was seen adds up. One of four endpoints stays away of all 79 once in 10^9.
 */
const ROUNDS: readonly Effort[] = [
  { times: 3, sources: { from: 0, to: 6 }, timeoutMs: SILENCE_MS },
  { times: 16, sources: { from: 6, to: 20 }, timeoutMs: SILENCE_MS },
  { times: 60, sources: { from: 20, to: SOURCES }, timeoutMs: SILENCE_MS },
]

/** What still differs is asked anew, with the patience that a crowded machine needs; TCP itself tries again after 1 s. */
const LAST: Effort = { times: 80, sources: { from: 0, to: SOURCES }, timeoutMs: 10_000 }

/** What both make of probes, asked with all patience. */
export async function askPatiently(
  probes: readonly Probe[],
  [theirs, ours]: readonly [Lab, Lab],
): Promise<readonly Difference[]> {
  const [a, b] = await Promise.all([theirs.fates(probes, LAST), ours.fates(probes, LAST)])
  return probes.map((probe) => ({
    probe,
    theirs: union(new Set(), a.get(probe)),
    ours: union(new Set(), b.get(probe)),
  }))
}

/** Asks the same of both; `wantedName` names a difference that is wanted. */
export async function compare(
  probes: readonly Probe[],
  [theirs, ours]: readonly [Lab, Lab],
  wantedName: (difference: Difference) => string | undefined,
): Promise<Comparison> {
  const wanted = new Map<string, Difference[]>()
  let open: readonly Difference[] = probes.map((probe) => ({ probe, theirs: new Set(), ours: new Set() }))
  const ask = async (effort: Effort, known: readonly Difference[]): Promise<void> => {
    const asked = known.map(({ probe }) => probe)
    const [a, b] = await Promise.all([theirs.fates(asked, effort), ours.fates(asked, effort)])
    const seen = known.map(({ probe, theirs, ours }) => ({
      probe,
      theirs: union(theirs, a.get(probe)),
      ours: union(ours, b.get(probe)),
    }))
    open = seen.filter((difference) => {
      if (areAlike(difference.probe, difference.theirs, difference.ours)) return false
      // A fate of several endpoints that is not fully seen yet is no reason to look for a name.
      const isOfEndpoints = isAnswered(difference.theirs) && isAnswered(difference.ours)
      const name = isOfEndpoints && effort !== LAST ? undefined : wantedName(difference)
      if (name === undefined) return true
      wanted.set(name, [...(wanted.get(name) ?? []), difference])
      return false
    })
  }
  for (const round of ROUNDS) if (open.length > 0) await ask(round, open)
  if (open.length > 0)
    await ask(
      LAST,
      open.map(({ probe }) => ({ probe, theirs: new Set(), ours: new Set() })),
    )
  return { differences: open, wanted }
}

const union = (before: Fate, found: Fate | undefined): Fate => new Set([...before, ...(found ?? [])])
