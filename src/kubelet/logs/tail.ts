import type { FileHandle } from 'node:fs/promises'
import { parseLogRecord } from './log-record.ts'

const BLOCK_BYTES = 64 * 1024
/** A timestamp, a stream and the first tag are in as many bytes. */
const HEAD_BYTES = 64
const NEWLINE = 0x0a

/**
 * Where the last `count` lines of a log's first `size` bytes begin. Reads backwards and no further than it must, so that
 * the size of the file does not matter. A line ends with a record that is no partial one.
 */
export async function findTail(file: Pick<FileHandle, 'read'>, size: number, count: number): Promise<number> {
  if (count === 0) return size
  const buffer = Buffer.alloc(Math.min(BLOCK_BYTES, size) + HEAD_BYTES)
  let lines = 0
  /** Where the record behind the one looked at begins. */
  let next = size
  let isComplete = false
  for (let position = size; position > 0; ) {
    const length = Math.min(BLOCK_BYTES, position)
    position -= length
    // The first bytes of the block behind this one: a record's head may lie across.
    buffer.copyWithin(length, 0, HEAD_BYTES)
    if (!(await readFully(file, buffer.subarray(0, length), position))) return position
    if (position + length === size) isComplete = buffer[length - 1] === NEWLINE
    for (let end = length; end > 0; ) {
      const newline = buffer.lastIndexOf(NEWLINE, end - 1)
      const start = newline + 1
      if (newline < 0 && position > 0) break
      end = Math.max(newline, 0)
      if (position + start === size) continue
      if (isComplete && endsLine(buffer, start, Math.min(size, next) - position) && ++lines > count)
        return next
      isComplete = true
      next = position + start
    }
  }
  return 0
}

function endsLine(buffer: Buffer, start: number, end: number): boolean {
  const record = parseLogRecord(buffer, start, Math.min(end, buffer.length, start + HEAD_BYTES))
  return record !== undefined && !record.partial
}

/** False when the file has become shorter. */
async function readFully(file: Pick<FileHandle, 'read'>, into: Buffer, position: number): Promise<boolean> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done)
    if (bytesRead === 0) return false
    done += bytesRead
  }
  return true
}
