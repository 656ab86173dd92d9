import { stat } from 'node:fs/promises'
import { dirname } from 'node:path/posix'
import type { Pack } from 'tar-stream'
import { ImageBuildError, systemReason } from '../build-error.ts'
import type { Blob } from './blob.ts'
import type { LayerEntry } from './layer-entry.ts'
import { addEntry, addFile, writeTar } from './tar.ts'

/**
 * Writes a layer that holds `entries` to `file` and returns its digest. It is not compressed: zlib's output differs
 * from one Node to the next, and so would the digest; the archive only travels from disk to disk.
 *
 * Throws an ImageBuildError when a source cannot be read.
 */
export function writeLayer(entries: readonly LayerEntry[], file: string): Promise<Blob> {
  return writeTar(file, async (pack) => {
    for (const entry of inArchiveOrder(entries)) await addLayerEntry(pack, entry)
  })
}

/** Sorted by path, each folder ahead of what is in it, folders that nobody named added. */
function inArchiveOrder(entries: readonly LayerEntry[]): readonly LayerEntry[] {
  const byPath = new Map<string, LayerEntry>()
  for (const entry of entries) {
    for (let path = dirname(entry.path); path !== '/'; path = dirname(path)) {
      if (!byPath.has(path)) byPath.set(path, { kind: 'directory', path, mode: 0o755 })
    }
    byPath.set(entry.path, entry)
  }
  return [...byPath.values()].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
}

async function addLayerEntry(pack: Pack, entry: LayerEntry): Promise<void> {
  const name = entry.path.slice(1)
  switch (entry.kind) {
    case 'directory':
      return addEntry(pack, { name: `${name}/`, type: 'directory', mode: entry.mode })
    case 'symlink':
      return addEntry(pack, { name, type: 'symlink', linkname: entry.target, mode: 0o777 })
    case 'file':
      return addFile(pack, { name, type: 'file', mode: entry.mode }, entry.source, await sizeOf(entry.source))
  }
}

async function sizeOf(source: string): Promise<number> {
  const problem = (reason: string, cause?: unknown) =>
    new ImageBuildError(
      'IMAGE_CONTENT_UNREADABLE',
      { place: source, reason, remedy: 'it should be a file that goes into the image' },
      cause,
    )
  try {
    const stats = await stat(source)
    if (stats.isFile()) return stats.size
  } catch (error) {
    throw problem(systemReason(error), error)
  }
  throw problem('is not a regular file')
}
