import type { FrontendKey } from '../desired/frontend.ts'

/** The top byte of the marks of inside connections ("H"); IPVS compares whole marks, so nothing else is in them. */
export const SHORT_CIRCUIT_BITS = 0x48000000
export const SHORT_CIRCUIT_MASK = 0xff000000

const LOW_BITS = 14

/** The mark with a number, from 0 to 2^23 - 1: bit 14, by which kube-proxy and others ask for masquerade, is never set. */
export const shortCircuitMark = (number: number): number =>
  (SHORT_CIRCUIT_BITS | ((number >>> LOW_BITS) << (LOW_BITS + 1)) | (number & ((1 << LOW_BITS) - 1))) >>> 0

/** The number of a mark; undefined when it is none of ours. */
export function markNumber(mark: number): number | undefined {
  const number =
    ((mark & ~SHORT_CIRCUIT_MASK) >>> (LOW_BITS + 1)) * 2 ** LOW_BITS + (mark & ((1 << LOW_BITS) - 1))
  return shortCircuitMark(number) === mark >>> 0 ? number : undefined
}

/** Which frontend has which mark number. Numbers are given again only after a rebuild has forgotten them. */
export class MarkNumbers {
  readonly #numbers = new Map<FrontendKey, number>()
  #next = 0

  get(key: FrontendKey): number | undefined {
    return this.#numbers.get(key)
  }

  /** The number of a frontend, a new one when it has none yet. */
  take(key: FrontendKey): number {
    const number = this.#numbers.get(key) ?? this.#next
    this.restore(key, number)
    return number
  }

  /** Gives a frontend the number that the kernel knows it by. */
  restore(key: FrontendKey, number: number): void {
    this.#numbers.set(key, number)
    this.#next = Math.max(this.#next, number + 1)
  }
}
