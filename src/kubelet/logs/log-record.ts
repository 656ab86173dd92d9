/** The output of a container that a record came from. */
export type LogStream = 'stdout' | 'stderr'

/** Where the parts of a record are; offsets into the bytes that it was read from. */
export interface LogRecord {
  readonly stream: LogStream
  /** The line goes on with the next record of this stream. */
  readonly partial: boolean
  /** Behind the timestamp, which begins the record. */
  readonly timeEnd: number
  readonly textStart: number
}

const SPACE = 0x20
/** `2006-01-02T15:04:05Z`, the shortest timestamp. */
const MIN_TIME = 20
const PARTIAL = 0x50

/**
 * Reads `TIMESTAMP stdout|stderr TAGS TEXT`, a record of CRI's log format (kubernetes/design-proposals-archive,
 * kubelet-cri-logging), from the bytes between `start` and `end`; `end` is behind its text. Undefined when they are none.
 */
export function parseLogRecord(bytes: Buffer, start: number, end: number): LogRecord | undefined {
  const timeEnd = bytes.indexOf(SPACE, start)
  if (timeEnd < start + MIN_TIME || timeEnd >= end || bytes[start + 10] !== 0x54) return undefined
  const streamEnd = bytes.indexOf(SPACE, timeEnd + 1)
  if (streamEnd < 0 || streamEnd >= end) return undefined
  const stream = bytes.toString('latin1', timeEnd + 1, streamEnd)
  if (stream !== 'stdout' && stream !== 'stderr') return undefined
  const tagsEnd = bytes.indexOf(SPACE, streamEnd + 1)
  if (tagsEnd < 0 || tagsEnd >= end) return undefined
  // Tags are separated by colons, and the first one says whether the line is whole.
  const first = bytes.indexOf(0x3a, streamEnd + 1)
  const length = (first < 0 || first > tagsEnd ? tagsEnd : first) - streamEnd - 1
  const partial = length === 1 && bytes[streamEnd + 1] === PARTIAL
  return { stream, partial, timeEnd, textStart: tagsEnd + 1 }
}

/** ms since the epoch; NaN when it is no time. */
export const recordTime = (bytes: Buffer, start: number, record: LogRecord): number =>
  Date.parse(bytes.toString('latin1', start, record.timeEnd))

const TIMESTAMP = /^(.{19})(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/
/** With nine digits of fraction and in UTC, as containerd writes it: nothing is to be done. */
const FULL_WIDTH = 30

/** The timestamp with nine digits of fraction (kubectl logs --timestamps), and a space. */
export function paddedTime(bytes: Buffer, start: number, record: LogRecord): Buffer {
  if (record.timeEnd - start === FULL_WIDTH && bytes[record.timeEnd - 1] === 0x5a)
    return bytes.subarray(start, record.timeEnd + 1)
  const written = bytes.toString('latin1', start, record.timeEnd)
  const [, whole, fraction = '', zone] = TIMESTAMP.exec(written) ?? []
  if (whole === undefined) return Buffer.from(`${written} `, 'latin1')
  return Buffer.from(`${whole}.${fraction.padEnd(9, '0')}${zone} `, 'latin1')
}
