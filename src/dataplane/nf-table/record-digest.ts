import type { Pacer } from '../../util/pacer.ts'
import { type Records, wordsOf } from './records.ts'

/** Odd constants of MurmurHash3's and xxHash's finalisers, which are in the public domain. */
const FIRST_LANE = [0x85ebca6b, 0xc2b2ae35] as const
const SECOND_LANE = [0x9e3779b1, 0x85ebca77] as const

/** What a set of records comes to, whatever their order: two sets with equal digests are the same but for 1 in 2^64. */
export interface RecordDigest {
  readonly count: number
  /** Sums of 32-bit hashes of the records. */
  readonly sums: readonly [number, number]
}

export const sameDigest = (a: RecordDigest, b: RecordDigest): boolean =>
  a.count === b.count && a.sums[0] === b.sums[0] && a.sums[1] === b.sums[1]

/** Records' width is a whole number of words. `pacer` decides when the event loop gets a turn meanwhile. */
export async function digestRecords(records: Records, pacer: Pacer): Promise<RecordDigest> {
  const words = wordsOf(records)
  const width = records.width / 4
  let first = 0
  let second = 0
  for (let begin = 0; begin < words.length; begin += width) {
    first = (first + hash(words, begin, width, FIRST_LANE)) | 0
    second = (second + hash(words, begin, width, SECOND_LANE)) | 0
    if (pacer.due()) await pacer.pause()
  }
  return { count: records.count, sums: [first, second] }
}

function hash(
  words: Uint32Array,
  begin: number,
  width: number,
  [multiplier, finisher]: readonly [number, number],
): number {
  let mixed = width
  for (let at = begin; at < begin + width; at++) {
    mixed = Math.imul(mixed ^ (words[at] ?? 0), multiplier)
    mixed ^= mixed >>> 15
  }
  mixed = Math.imul(mixed, finisher)
  return mixed ^ (mixed >>> 13)
}
