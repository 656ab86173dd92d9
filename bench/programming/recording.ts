import { readFile, writeFile } from 'node:fs/promises'

/** Bytes of the little-endian length in front of every batch of the file. */
const lengthBytes = 4

/** Writes encoded transactions, in the order they were committed, for another process to replay. */
export async function writeRecording(file: string, batches: readonly Uint8Array[]): Promise<void> {
  const parts = batches.flatMap((batch) => {
    const length = Buffer.alloc(lengthBytes)
    length.writeUInt32LE(batch.length)
    return [length, batch]
  })
  await writeFile(file, Buffer.concat(parts))
}

/** Throws a RangeError for a file that does not end where a batch does. */
export async function readRecording(file: string): Promise<Uint8Array[]> {
  const bytes = await readFile(file)
  const batches: Uint8Array[] = []
  let offset = 0
  while (offset < bytes.length) {
    const end = offset + lengthBytes + bytes.readUInt32LE(offset)
    if (end > bytes.length) throw new RangeError(`${file} is cut off in batch ${batches.length}`)
    batches.push(bytes.subarray(offset + lengthBytes, end))
    offset = end
  }
  return batches
}
