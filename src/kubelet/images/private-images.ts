import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { buildImage } from './build.ts'
import { ImageBuildError, systemReason } from './build-error.ts'

/**
 * The images that a folder of manifests brings along, so that it needs no registry:
 *
 * ```
 * DIR/*.yaml                     manifests
 * DIR/images/NAME/image.yaml     built here, by buildImage
 * DIR/images/NAME.tar            taken as they are: any OCI or `docker save` archive
 * ```
 *
 * Builds the folders into archives in `into`, which must exist, and returns the paths of all archives, ready for
 * import, sorted by name. An absent `images/` brings none. Throws an ImageBuildError that names the first culprit.
 */
export async function archivesOf(directory: string, into: string): Promise<readonly string[]> {
  const images = join(directory, 'images')
  const children = await readdir(images, { withFileTypes: true }).catch((error: unknown) => {
    if (isAbsent(error)) return []
    throw new ImageBuildError(
      'IMAGE_CONTENT_UNREADABLE',
      {
        place: images,
        reason: systemReason(error),
        remedy: 'it should be a folder of images that the manifests use',
      },
      error,
    )
  })
  const sorted = children.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const archives: string[] = []
  for (const child of sorted) {
    const path = join(images, child.name)
    if (child.isDirectory()) {
      archives.push((await buildImage({ directory: path, file: join(into, `${child.name}.tar`) })).file)
    } else if (child.name.endsWith('.tar')) {
      archives.push(path)
    }
  }
  return archives
}

const isAbsent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
