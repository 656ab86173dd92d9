import type { Stats } from 'node:fs'
import { mkdir, open, stat } from 'node:fs/promises'
import { VolumeError } from './volume-error.ts'

/** core/v1 `HostPathType`: what must be there, and what is made when it isn't. */
const TYPES: Record<string, { is: (stats: Stats) => boolean; make?: (path: string) => Promise<unknown> }> = {
  DirectoryOrCreate: {
    is: (it) => it.isDirectory(),
    make: (path) => mkdir(path, { recursive: true, mode: 0o755 }),
  },
  Directory: { is: (it) => it.isDirectory() },
  FileOrCreate: {
    is: (it) => it.isFile(),
    make: async (path) => (await open(path, 'a', 0o644)).close(),
  },
  File: { is: (it) => it.isFile() },
  Socket: { is: (it) => it.isSocket() },
  CharDevice: { is: (it) => it.isCharacterDevice() },
  BlockDevice: { is: (it) => it.isBlockDevice() },
}

/** Checks that `path` is what `type` says (empty: anything), and makes it where the type says so. Throws a VolumeError. */
export async function prepareHostPath(path: string, type: string): Promise<void> {
  if (type === '') return
  const wanted = TYPES[type]
  if (wanted === undefined) {
    throw new VolumeError(
      'HOST_PATH_MISMATCH',
      `hostPath ${path}: there is no type ${type} (see core/v1 HostPathType)`,
    )
  }
  const there = await stat(path).catch(() => undefined)
  if (there === undefined && wanted.make !== undefined) await wanted.make(path)
  else if (there === undefined) {
    throw new VolumeError(
      'HOST_PATH_MISMATCH',
      `hostPath ${path}: is not there, and type ${type} makes none (create it)`,
    )
  } else if (!wanted.is(there)) {
    throw new VolumeError(
      'HOST_PATH_MISMATCH',
      `hostPath ${path}: is not of type ${type} (correct the type or the path)`,
    )
  }
}
