const NEWLINE = 0x0a

/** A line that has no end within the bound; the stream is of no use any more. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong'
}

/**
 * Cuts a stream of bytes into lines. Every byte is looked at once and copied at most once, however small the chunks
 * and however long the lines are; a line within one chunk is a view of it.
 */
export class LineSplitter {
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #length = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The lines that `chunk` completes, without their newlines; empty ones are left out. Throws LineTooLong. */
  *push(chunk: Buffer): Generator<Buffer> {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start)
      if (end < 0) break
      const line = this.#complete(chunk.subarray(start, end))
      start = end + 1
      if (line.length > 0) yield line
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start))
  }

  /** Bytes of a line that has begun and not ended. */
  get pending(): number {
    return this.#length
  }

  #complete(end: Buffer): Buffer {
    if (this.#length === 0) return end
    this.#keep(end)
    const line = Buffer.concat(this.#parts, this.#length)
    this.#parts = []
    this.#length = 0
    return line
  }

  #keep(part: Buffer): void {
    this.#length += part.length
    if (this.#length > this.#maxBytes) throw new LineTooLong(`a line is longer than ${this.#maxBytes} bytes`)
    this.#parts.push(part)
  }
}
