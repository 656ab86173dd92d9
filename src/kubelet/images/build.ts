import { randomUUID } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writeLayer } from './archive/layer.ts'
import { type ArchivedImage, writeOciArchive } from './archive/oci-archive.ts'
import { ImageBuildError, systemReason } from './build-error.ts'
import type { Image } from './image.ts'
import { readImageFolder } from './image-folder.ts'

export interface BuiltImage extends ArchivedImage {
  readonly name: string
  /** The archive, ready for import into a runtime. */
  readonly file: string
}

/**
 * Builds the image that a folder describes (`image.yaml`, `rootfs/`; see readImageFolder) into an OCI archive, for this
 * machine's architecture. The same folder gives the same bytes and digests anywhere; times, owners and the order of
 * directory entries do not count.
 *
 * `name` stands in for the one in image.yaml. `file` is replaced at the end, in one step: who reads it sees the old
 * archive or the new one. Throws an ImageBuildError, and then leaves no trace.
 */
export async function buildImage(options: {
  readonly directory: string
  readonly name?: string
  readonly file: string
}): Promise<BuiltImage> {
  return writeImage(await readImageFolder(options.directory, options.name), options.file)
}

/** As buildImage, for an image that is described in code. */
export async function writeImage(image: Image, file: string): Promise<BuiltImage> {
  const architecture = ociArchitecture(image.name)
  // Beside the result, for a rename does not cross file systems.
  const unfinished = `${file}.${randomUUID()}`
  const layerFile = `${unfinished}.layer`
  try {
    const layer = await writeLayer(image.entries, layerFile)
    const digests = await writeOciArchive(image, architecture, layer, layerFile, unfinished)
    await rename(unfinished, file)
    return { name: image.name, file, ...digests }
  } catch (error) {
    if (error instanceof ImageBuildError) throw error
    throw new ImageBuildError(
      'IMAGE_ARCHIVE_UNWRITABLE',
      {
        place: file,
        reason: `cannot write the archive: ${systemReason(error)}`,
        remedy: `${dirname(file)} must be a folder that you may write to, with room for the image`,
      },
      error,
    )
  } finally {
    await Promise.all([unfinished, layerFile].map((path) => rm(path, { force: true }).catch(() => undefined)))
  }
}

/** What OCI and Go call this machine's architecture. */
function ociArchitecture(place: string): string {
  switch (process.arch) {
    case 'x64':
      return 'amd64'
    case 'arm64':
      return 'arm64'
    default:
      throw new ImageBuildError('IMAGE_ARCHITECTURE_UNKNOWN', {
        place,
        reason: `images are built from this machine's programs, and its architecture, ${process.arch}, is not supported`,
        remedy: 'build on an amd64 or arm64 machine',
      })
  }
}
