import type { Dirent } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { LayerEntry } from './archive/layer-entry.ts'
import { ImageBuildError, systemReason } from './build-error.ts'

/** Everything under a folder, with the paths it will have in the image. An absent folder is an empty one. */
export async function readRootfs(folder: string): Promise<readonly LayerEntry[]> {
  const stats = await lstat(folder).catch(() => undefined)
  return stats === undefined ? [] : readFolder(folder, '')
}

async function readFolder(folder: string, prefix: string): Promise<readonly LayerEntry[]> {
  try {
    const children = await readdir(folder, { withFileTypes: true })
    const entries = await Promise.all(
      children.map((child) => readChild(child, join(folder, child.name), `${prefix}/${child.name}`)),
    )
    return entries.flat()
  } catch (error) {
    throw error instanceof ImageBuildError ? error : unreadable(folder, systemReason(error), error)
  }
}

async function readChild(child: Dirent, source: string, path: string): Promise<readonly LayerEntry[]> {
  if (child.isDirectory()) {
    return [{ kind: 'directory', path, mode: 0o755 }, ...(await readFolder(source, path))]
  }
  if (child.isSymbolicLink()) return [{ kind: 'symlink', path, target: await readlink(source) }]
  if (child.isFile()) {
    const executable = ((await lstat(source)).mode & 0o100) !== 0
    return [{ kind: 'file', path, mode: executable ? 0o755 : 0o644, source }]
  }
  throw unreadable(source, 'is neither file, folder nor symbolic link')
}

const unreadable = (place: string, reason: string, cause?: unknown): ImageBuildError =>
  new ImageBuildError(
    'IMAGE_CONTENT_UNREADABLE',
    { place, reason, remedy: 'rootfs/ becomes the image as it is: remove it, or make it readable' },
    cause,
  )
