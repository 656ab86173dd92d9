import type { Pacer } from '../../util/pacer.ts'
import { type Records, wordsOf } from './records.ts'

/** Of a 32-bit golden section: spreads words that differ in few bits (Knuth, TAOCP 6.4). */
const SPREAD = 0x9e3779b1

/**
 * Records found by their bytes, which are never made into strings: an audit looks at every element that there is. Their
 * width is a whole number of words.
 */
export class RecordSet {
  readonly #records: Records
  readonly #words: Uint32Array
  /** Open addressing: index of a record, one more than that, 0 where there is none. */
  readonly #places: Uint32Array
  readonly #taken: Uint8Array

  private constructor(records: Records) {
    this.#records = records
    this.#words = wordsOf(records)
    this.#places = new Uint32Array(2 ** Math.ceil(Math.log2(records.count * 2 + 1)))
    this.#taken = new Uint8Array(records.count)
  }

  /** `pacer` decides when the event loop gets a turn meanwhile. */
  static async of(records: Records, pacer: Pacer): Promise<RecordSet> {
    const set = new RecordSet(records)
    for (let index = 0; index < records.count; index++) {
      set.#places[set.#find(set.#words, index)] = index + 1
      if (pacer.due()) await pacer.pause()
    }
    return set
  }

  /** Takes out what `others`, of the same width, has and returns what it has beyond that. */
  async takeAll(others: Records, pacer: Pacer): Promise<Uint8Array[]> {
    const words = wordsOf(others)
    const foreign: Uint8Array[] = []
    for (let index = 0; index < others.count; index++) {
      const found = this.#places[this.#find(words, index)] ?? 0
      if (found === 0) foreign.push(recordAt(others, index))
      else this.#taken[found - 1] = 1
      if (pacer.due()) await pacer.pause()
    }
    return foreign
  }

  /** What was never taken. */
  rest(): Uint8Array[] {
    const left: Uint8Array[] = []
    for (let index = this.#taken.indexOf(0); index >= 0; index = this.#taken.indexOf(0, index + 1))
      left.push(recordAt(this.#records, index))
    return left
  }

  /** The place of the record at `index` of `words`, or the empty one where it would be. */
  #find(words: Uint32Array, index: number): number {
    const width = this.#records.width / 4
    const begin = index * width
    let hash = 0
    for (let word = begin; word < begin + width; word++) {
      hash = Math.imul(hash ^ (words[word] ?? 0), SPREAD)
      hash ^= hash >>> 15
    }
    const mask = this.#places.length - 1
    let place = hash & mask
    for (;;) {
      const there = this.#places[place] ?? 0
      if (there === 0 || this.#equals(there - 1, words, begin)) return place
      place = (place + 1) & mask
    }
  }

  #equals(index: number, words: Uint32Array, begin: number): boolean {
    const width = this.#records.width / 4
    const own = index * width
    for (let word = 0; word < width; word++) if (this.#words[own + word] !== words[begin + word]) return false
    return true
  }
}

const recordAt = ({ bytes, width }: Records, index: number): Uint8Array =>
  bytes.subarray(index * width, (index + 1) * width)
