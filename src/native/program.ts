import { endianness } from 'node:os'

const LITTLE_ENDIAN = endianness() === 'LE'
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * Writes a packed program: fields back to back without padding, integers host-endian, strings as u16 length + bytes,
 * blobs as u32 length + bytes. `native/codec/program_reader.h` reads it.
 */
export class ProgramWriter {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  u8(value: number): this {
    const offset = this.#append(1)
    this.#view.setUint8(offset, value)
    return this
  }

  u16(value: number): this {
    const offset = this.#append(2)
    this.#view.setUint16(offset, value, LITTLE_ENDIAN)
    return this
  }

  u32(value: number): this {
    const offset = this.#append(4)
    this.#view.setUint32(offset, value, LITTLE_ENDIAN)
    return this
  }

  i32(value: number): this {
    const offset = this.#append(4)
    this.#view.setInt32(offset, value, LITTLE_ENDIAN)
    return this
  }

  u64(value: number | bigint): this {
    const offset = this.#append(8)
    this.#view.setBigUint64(offset, BigInt(value), LITTLE_ENDIAN)
    return this
  }

  /** Throws a RangeError beyond 65,535 bytes of UTF-8. */
  string(text: string): this {
    const bytes = encoder.encode(text)
    if (bytes.length > 0xffff) throw new RangeError(`a name of ${bytes.length} bytes is too long`)
    return this.u16(bytes.length).raw(bytes)
  }

  blob(bytes: Uint8Array): this {
    return this.u32(bytes.length).raw(bytes)
  }

  raw(bytes: Uint8Array): this {
    const offset = this.#append(bytes.length)
    this.#bytes.set(bytes, offset)
    return this
  }

  get length(): number {
    return this.#length
  }

  /** What was written so far, without a copy: do not write on while it is in use. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Makes room, which may replace `#bytes` and `#view`: call it before touching them. */
  #append(length: number): number {
    const offset = this.#length
    this.#length += length
    if (this.#length > this.#bytes.length) this.#grow()
    return offset
  }

  #grow(): void {
    const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2))
    larger.set(this.#bytes)
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }
}

/** Reads what `native/codec/program_writer.h` wrote. Throws a RangeError when it is cut short. */
export class ProgramReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), LITTLE_ENDIAN)
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), LITTLE_ENDIAN)
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), LITTLE_ENDIAN)
  }

  /** Exact up to 2^53: handles, milliseconds and counters stay far below. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), LITTLE_ENDIAN))
  }

  f64(): number {
    return this.#view.getFloat64(this.#advance(8), LITTLE_ENDIAN)
  }

  string(): string {
    return decoder.decode(this.#take(this.u16()))
  }

  /** A copy, so that a small part does not keep a large reply in memory. */
  blob(): Uint8Array {
    return this.#take(this.u32()).slice()
  }

  /** `read()` as often as the u32 count says that comes first. */
  list<T>(read: (reader: ProgramReader) => T): T[] {
    return Array.from({ length: this.u32() }, () => read(this))
  }

  get done(): boolean {
    return this.#offset === this.#bytes.length
  }

  #take(length: number): Uint8Array {
    const offset = this.#advance(length)
    return this.#bytes.subarray(offset, offset + length)
  }

  #advance(length: number): number {
    const offset = this.#offset
    if (offset + length > this.#bytes.length) throw new RangeError('a packed native reply is cut short')
    this.#offset = offset + length
    return offset
  }
}
