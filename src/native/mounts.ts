import { getSystemErrorMap } from 'node:util'
import { loadAddon } from './addon.ts'

/** What mount(2) or umount2(2) refused. `code` is the errno's name: `EPERM`, `EINVAL` (nothing is mounted there). */
export class MountError extends Error {
  override readonly name = 'MountError'
  readonly code: string

  constructor(what: string, errno: number) {
    const [code, reason] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, 'unknown error']
    super(`cannot ${what}: ${reason} [${code}]${code === 'EPERM' ? '; run as root' : ''}`)
    this.code = code
  }
}

/** Mounts a new file system; `options` are its own, joined by commas. Rejects with a MountError. */
export async function mountNew(fileSystem: string, target: string, options: string): Promise<void> {
  const errno = await loadAddon().mount(fileSystem, target, fileSystem, options)
  if (errno !== 0) throw new MountError(`mount a ${fileSystem} at ${target}`, errno)
}

/** Shows `source` at `target`, too; both are of one type. Links in either are followed. Rejects with a MountError. */
export async function bindMount(source: string, target: string): Promise<void> {
  const errno = await loadAddon().mount(source, target, '', '')
  if (errno !== 0) throw new MountError(`mount ${source} at ${target}`, errno)
}

/** Takes away what was mounted last at `target`. Rejects with a MountError. */
export async function unmount(target: string): Promise<void> {
  const errno = await loadAddon().unmount(target)
  if (errno !== 0) throw new MountError(`unmount ${target}`, errno)
}
