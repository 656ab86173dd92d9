import { createHash } from 'node:crypto'

/** Numbers to give out: `first` to `last`, of which the lowest `reserved` come last. */
export interface Pool {
  readonly first: number
  readonly last: number
  /**
   * How many of the lowest numbers are left for explicit wishes as long as there are others, so that a fixed cluster
   * IP such as 10.96.0.10 is free when its manifest comes (KEP-3070, KEP-3668).
   */
  readonly reserved: number
}

/** The band that the API server keeps for explicit wishes: a `divisor`th of the range, within 16 and `most`. */
export const reservedBand = (size: number, divisor: number, most: number): number =>
  size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / divisor)), most, size - 1)

/**
 * A free number of the pool: where the hash of `key` points, or the next free one behind it. The same key gets the
 * same number as long as that is free. Undefined when the pool is used up.
 */
export function pick(pool: Pool, key: string, taken: (number: number) => boolean): number | undefined {
  const hash = createHash('sha256').update(key).digest().readUInt32BE(0)
  const split = pool.first + pool.reserved
  return probe(split, pool.last, hash, taken) ?? probe(pool.first, split - 1, hash, taken)
}

function probe(
  first: number,
  last: number,
  hash: number,
  taken: (number: number) => boolean,
): number | undefined {
  const size = last - first + 1
  for (let step = 0; step < size; step++) {
    const candidate = first + ((hash + step) % size)
    if (!taken(candidate)) return candidate
  }
  return undefined
}
