/**
 * The smallest sample that at least `share` (0 to 1) of all samples do not exceed (nearest rank, nothing
 * interpolated: every figure reported was really measured). Throws a RangeError when there are no samples.
 */
export function percentile(samples: Iterable<number>, share: number): number {
  const sorted = Float64Array.from(samples).sort()
  const rank = Math.min(sorted.length, Math.max(1, Math.ceil(share * sorted.length)))
  const value = sorted[rank - 1]
  if (value === undefined) throw new RangeError('a percentile needs at least one sample')
  return value
}

export const median = (samples: Iterable<number>): number => percentile(samples, 0.5)
