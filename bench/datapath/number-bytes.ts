/** The lowest `length` bytes of a number in network order. */
export const numberBytes = (value: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (value >>> (8 * (length - 1 - i))) & 0xff)
