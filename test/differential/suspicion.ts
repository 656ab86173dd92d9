import type { Difference } from './compare.ts'
import type { ComparedMode } from './contestant.ts'
import { areAlike } from './fate.ts'

/** What the two proxies of a mode seemed to make of a world otherwise, when it was played for the first time. */
export interface Suspicion {
  readonly step: 0 | 1
  readonly mode: ComparedMode
  readonly differences: readonly Difference[]
  /** Of their rules, in words. */
  readonly rules: readonly string[]
}

/** What is left of a suspicion when the world has been played again from its beginning. */
export interface Judgement {
  /** They differ again. */
  readonly real: readonly Difference[]
  /** They agree now, and it was Hawser that changed: each with what it made of the probe before, as if that was theirs. */
  readonly changedByUs: readonly Difference[]
  /** They agree now on what Hawser made of it before: kube-proxy had missed something the first time. */
  readonly changedByThem: readonly Difference[]
  readonly rules: readonly string[]
}

/**
 * A difference counts when it holds, since a kube-proxy on a crowded machine at times lets a change pass by until its next
 * full sync. But Hawser has to be right the first time.
 */
export function judge(
  { differences, rules }: Suspicion,
  again: { readonly fates: readonly Difference[]; readonly rules: readonly string[] },
  isWanted: (difference: Difference) => boolean,
): Judgement {
  const judged = {
    real: [] as Difference[],
    changedByUs: [] as Difference[],
    changedByThem: [] as Difference[],
  }
  for (const [i, before] of differences.entries()) {
    const now = again.fates[i]
    if (now === undefined) continue
    const { probe, theirs, ours } = now
    if (!areAlike(probe, theirs, ours) && !isWanted(now)) judged.real.push(now)
    else if (!areAlike(probe, before.ours, ours))
      judged.changedByUs.push({ probe, theirs: before.ours, ours })
    else judged.changedByThem.push(before)
  }
  return { ...judged, rules: rules.filter((line) => again.rules.includes(line)) }
}
