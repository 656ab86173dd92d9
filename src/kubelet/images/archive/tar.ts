import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { pack as createPack, type Header, type Pack } from 'tar-stream'
import { ImageBuildError, systemReason } from '../build-error.ts'
import type { Blob } from './blob.ts'

export type TarHeader = Pick<Header, 'name' | 'type' | 'mode'> & { readonly linkname?: string }

/** Nothing of the machine or the moment may show in an archive: the same content must give the same digest. */
const anonymous = { mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' }

/** Writes the new file `file` as a tar archive of what `fill` adds, and returns its digest. */
export async function writeTar(file: string, fill: (pack: Pack) => Promise<void>): Promise<Blob> {
  const pack = createPack()
  // Whichever side fails ends the other: with the disk full nobody reads on, and adding would wait for ever.
  const abandon = (error: unknown) => {
    pack.destroy()
    throw error
  }
  const [filled, written] = await Promise.allSettled([
    fill(pack).then(() => pack.finalize(), abandon),
    writeDigested(pack, file).catch(abandon),
  ])
  // The side that was ended says no more than that it was; an ImageBuildError is always a cause.
  if (filled.status === 'rejected' && filled.reason instanceof ImageBuildError) throw filled.reason
  if (written.status === 'rejected') throw written.reason
  if (filled.status === 'rejected') throw filled.reason
  return written.value
}

async function writeDigested(chunks: AsyncIterable<unknown>, file: string): Promise<Blob> {
  const hash = createHash('sha256')
  let size = 0
  async function* digested() {
    for await (const chunk of chunks) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError('a tar archive is made of bytes')
      hash.update(chunk)
      size += chunk.length
      yield chunk
    }
  }
  await pipeline(digested, createWriteStream(file, { flags: 'wx' }))
  return { digest: `sha256:${hash.digest('hex')}`, size }
}

/** Adds an entry whose content, if it has any, is at hand. */
export function addEntry(pack: Pack, header: TarHeader, bytes: Buffer = Buffer.alloc(0)): Promise<void> {
  return new Promise((resolve, reject) => {
    pack.entry({ ...header, ...anonymous, size: bytes.length }, bytes, (error) =>
      error ? reject(error) : resolve(),
    )
  })
}

/**
 * Adds a file, read in pieces. `size` goes into the header, ahead of the content: a file that changes meanwhile is an
 * ImageBuildError, not a broken archive.
 */
export async function addFile(pack: Pack, header: TarHeader, source: string, size: number): Promise<void> {
  await pipeline(contentOf(source, size), pack.entry({ ...header, ...anonymous, size }))
}

async function* contentOf(source: string, size: number) {
  let left = size
  try {
    for await (const chunk of createReadStream(source)) {
      left -= chunk.length
      if (left < 0) break
      yield chunk
    }
  } catch (error) {
    throw unreadable(source, systemReason(error), error)
  }
  if (left !== 0) throw unreadable(source, 'changed its size during the build')
}

const unreadable = (place: string, reason: string, cause?: unknown): ImageBuildError =>
  new ImageBuildError(
    'IMAGE_CONTENT_UNREADABLE',
    { place, reason, remedy: 'what goes into an image must be readable, and stay as it is during the build' },
    cause,
  )
