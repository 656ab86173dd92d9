import { Pacer } from '../util/pacer.ts'
import { ProgramReader } from './program.ts'

/** No call of a native door holds the event loop for longer. */
const SLICE_MS = 1

/** Reads the objects of a packed reply, which lie back to back, a slice of a millisecond at a time. */
export async function readAll<T>(reply: Uint8Array, read: (reader: ProgramReader) => T): Promise<T[]> {
  const reader = new ProgramReader(reply)
  const pacer = new Pacer(SLICE_MS)
  const objects: T[] = []
  while (!reader.done) {
    objects.push(read(reader))
    if (pacer.due()) await pacer.pause()
  }
  return objects
}
