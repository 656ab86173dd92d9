import { endianness } from 'node:os'
import { type IpAddress, packAddress } from '../../util/address.ts'

const LITTLE_ENDIAN = endianness() === 'LE'
const FIRST_RECORDS = 16
/** What a writer has before its first record: most of a plan's never get one. */
const NO_BYTES = new Uint8Array(0)
const NO_VIEW = new DataView(NO_BYTES.buffer)

/** Fixed-width records, packed one behind the other, as the addon takes them. */
export interface Records {
  readonly width: number
  readonly count: number
  /** Exactly `count * width` bytes. */
  readonly bytes: Uint8Array
}

/** Collects records of one width. Fields are written in order; a record is complete when all its bytes are. */
export class RecordWriter implements Records {
  readonly width: number
  #buffer = NO_BYTES
  #view = NO_VIEW
  #length = 0

  constructor(width: number) {
    this.width = width
  }

  get count(): number {
    return this.#length / this.width
  }

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Opens the next record, all zero. */
  begin(): this {
    const needed = this.#length + this.width
    if (needed > this.#buffer.length) this.#grow(needed)
    return this
  }

  copy(bytes: Uint8Array): this {
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  address(value: IpAddress): this {
    this.#length = packAddress(value, this.#buffer, this.#length)
    return this
  }

  /** A u32 in host order: numbers that the kernel compares as such (priority, numgen). */
  hostNumber(value: number): this {
    this.#view.setUint32(this.#length, value, LITTLE_ENDIAN)
    this.#length += 4
    return this
  }

  /** A port in network order, padded to a register of four bytes. */
  port(value: number): this {
    this.#view.setUint16(this.#length, value)
    this.#length += 4
    return this
  }

  #grow(needed: number): void {
    const buffer = new Uint8Array(Math.max(needed, this.#buffer.length * 2, FIRST_RECORDS * this.width))
    buffer.set(this.#buffer)
    this.#buffer = buffer
    this.#view = new DataView(buffer.buffer)
  }
}

/** The u32 in host order at `offset`. */
export const readHostNumber = (bytes: Uint8Array, offset: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, LITTLE_ENDIAN)

/** Each record in turn, as a view of the packed bytes. */
export function* eachRecord(records: Records): Generator<Uint8Array> {
  const { bytes, width } = records
  for (let at = 0; at < bytes.length; at += width) yield bytes.subarray(at, at + width)
}

/** Records as words in host order. Throws a RangeError when a record is no whole number of them. */
export function wordsOf({ bytes, width }: Records): Uint32Array {
  if (width % 4 !== 0) throw new RangeError(`records of ${width} bytes are no whole words`)
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4)
}
