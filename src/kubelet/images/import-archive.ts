import { setTimeout as sleep } from 'node:timers/promises'
import { errorMessage } from '../../util/error-message.ts'
import { run } from '../host/run.ts'
import { CriClient } from '../runtime/cri-client.ts'
import { type ArchivedName, readArchiveContents } from './archive-contents.ts'

/** containerd's CRI part hears of an import through its own event stream, a few ms later. */
const VISIBLE_MS = 10_000

/** An archive that containerd did not take; the message says which and why. */
export class ImageImportError extends Error {
  override readonly name = 'ImageImportError'
  readonly code = 'IMAGE_IMPORT_FAILED'
}

/**
 * Imports an OCI (or `docker save`) archive into containerd, unless every image in it is there already. `socket` is
 * containerd's own: CRI has no import. Resolves with true when something was imported. Throws an ImageImportError.
 */
export async function importArchive(socket: string, file: string): Promise<boolean> {
  const client = new CriClient(`unix://${socket}`, () => undefined)
  try {
    const images = await readArchiveContents(file)
    if (images !== undefined && (await allPresent(client, images))) return false
    await run('ctr', ['-a', socket, '-n', 'k8s.io', 'images', 'import', '--digests', file], 600_000)
    const deadline = Date.now() + VISIBLE_MS
    while (images !== undefined && !(await allPresent(client, images))) {
      if (Date.now() > deadline) throw new Error(`containerd took it, but does not show ${listNames(images)}`)
      await sleep(10)
    }
    return true
  } catch (error) {
    throw new ImageImportError(
      `importing ${file} into containerd at ${socket}: ${errorMessage(error)} (is it a whole OCI archive?)`,
      { cause: error },
    )
  } finally {
    client.close()
  }
}

const listNames = (images: readonly ArchivedName[]): string => images.map(({ name }) => name).join(', ')

async function allPresent(client: CriClient, images: readonly ArchivedName[]): Promise<boolean> {
  const there = await Promise.all(
    images.map(async ({ name, configDigest }) => (await client.imageStatus(name))?.id === configDigest),
  )
  return there.every(Boolean)
}
