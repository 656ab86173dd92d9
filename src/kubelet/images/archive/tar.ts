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
  const written = writeDigested(pack, file)
  try {
    // Whichever fails first ends it: with the disk full, nobody reads on, and adding would wait for ever.
    await Promise.race([fill(pack), written])
    pack.finalize()
    return await written
  } catch (error) {
    pack.destroy()
    await written.catch(() => undefined)
    throw error
  }
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
 * error, not a broken archive.
 */
export async function addFile(pack: Pack, header: TarHeader, source: string, size: number): Promise<void> {
  const entry = pack.entry({ ...header, ...anonymous, size })
  try {
    await pipeline(createReadStream(source), entry)
  } catch (error) {
    throw new ImageBuildError(
      'IMAGE_CONTENT_UNREADABLE',
      {
        place: source,
        reason: `cannot be copied into the image: ${systemReason(error)}`,
        remedy: 'make it readable, and do not change it during the build',
      },
      error,
    )
  }
}
