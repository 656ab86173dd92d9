import { type LogStream, paddedTime, parseLogRecord, recordTime } from './log-record.ts'

/** What of a log is wanted, and how (core/v1 PodLogOptions). */
export interface LogSelection {
  /** Only what was written at or after it, in ms since the epoch. */
  readonly sinceMs: number | undefined
  /** Each line begins with its time. */
  readonly timestamps: boolean
  /** As much is written at most. */
  readonly limitBytes: number | undefined
  /** Undefined: both. */
  readonly stream: LogStream | undefined
}

const NEWLINE = 0x0a

/**
 * What is longer than this without an end of line was not written by a runtime: containerd's records have 16 KiB of text,
 * CRI-O's 8 KiB.
 */
const MAX_RECORD_BYTES = 1 << 20

/** Turns a log file, block by block, into what its container printed. What is no record is passed over. */
export class LogLines {
  readonly #selection: LogSelection
  #left: number
  /** The beginning of a record whose end is not read yet. */
  #begun: Buffer = Buffer.alloc(0)
  /** Nothing is kept until the next end of line: the record is too long to be one. */
  #skipping = false
  /** The last record of the stream was the beginning of a line. */
  readonly #unfinished = { stdout: false, stderr: false }

  constructor(selection: LogSelection) {
    this.#selection = selection
    this.#left = selection.limitBytes ?? Number.POSITIVE_INFINITY
  }

  /** As much as is wanted has been given out. */
  get full(): boolean {
    return this.#left <= 0
  }

  /** Takes in the next bytes of the file, which may be overwritten afterwards; returns what they add. */
  take(block: Buffer): Buffer {
    const bytes = this.#begun.length === 0 ? block : Buffer.concat([this.#begun, block])
    const parts: Buffer[] = []
    let start = 0
    // What was there before has no end of line.
    let newline = bytes.indexOf(NEWLINE, this.#begun.length)
    while (newline >= 0 && !this.full) {
      if (!this.#skipping) this.#add(parts, bytes, start, newline + 1)
      this.#skipping = false
      start = newline + 1
      newline = bytes.indexOf(NEWLINE, start)
    }
    this.#keep(bytes.subarray(start))
    return Buffer.concat(parts)
  }

  /** The file ends here: its last record may lack its end of line. */
  end(): Buffer {
    const parts: Buffer[] = []
    const bytes = this.#begun
    this.#begun = Buffer.alloc(0)
    if (bytes.length > 0 && !this.#skipping && !this.full) this.#add(parts, bytes, 0, bytes.length)
    return Buffer.concat(parts)
  }

  #keep(rest: Buffer): void {
    if (rest.length > MAX_RECORD_BYTES) this.#skipping = true
    this.#begun = this.#skipping ? Buffer.alloc(0) : Buffer.from(rest)
  }

  #add(parts: Buffer[], bytes: Buffer, start: number, end: number): void {
    const record = parseLogRecord(bytes, start, end)
    if (record === undefined) return
    const { sinceMs, timestamps, stream } = this.#selection
    if (stream !== undefined && record.stream !== stream) return
    if (sinceMs !== undefined && !(recordTime(bytes, start, record) >= sinceMs)) return
    const goesOn = this.#unfinished[record.stream]
    this.#unfinished[record.stream] = record.partial
    if (timestamps && !goesOn) this.#give(parts, paddedTime(bytes, start, record))
    const hasNewline = bytes[end - 1] === NEWLINE
    this.#give(parts, bytes.subarray(record.textStart, record.partial && hasNewline ? end - 1 : end))
  }

  #give(parts: Buffer[], bytes: Buffer): void {
    if (this.full) return
    parts.push(bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes)
    this.#left -= bytes.length
  }
}
