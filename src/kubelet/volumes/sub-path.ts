import { constants } from 'node:fs'
import { chmod, type FileHandle, mkdir, open, readlink, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative } from 'node:path'
import type { VolumeSource } from '../../model/pod.ts'
import { bindMount } from '../../native/mounts.ts'
import { unmountAllUnder } from '../host/mounts.ts'
import { expand } from '../pods/expand.ts'
import { VolumeError } from './volume-error.ts'

/** The inode alone, whatever it is: nothing is read or waited for (open(2); the number is that of every usual machine). */
const O_PATH = 0o10000000

export interface SubPath {
  /** The volume's folder. */
  readonly base: string
  /** Relative to it. */
  readonly path: string
  readonly kind: VolumeSource['kind']
}

/**
 * Has a part of a volume at `target`, making it where it is missing. Whatever leads out of the volume is refused. A
 * container that may write the volume can put a link in any place at any time, and the runtime would follow it as root:
 * so what was looked at is held fast, and that is mounted (CVE-2017-1002101).
 */
export async function bindSubPath(part: SubPath, target: string): Promise<void> {
  const root = await realpath(part.base)
  const held = await open(await resolveSubPath(root, part), O_PATH | constants.O_NOFOLLOW)
  try {
    const where = await readlink(`/proc/self/fd/${held.fd}`)
    if (!isWithin(root, where) || (await held.stat()).isSymbolicLink()) throw outside(part)
    await showAt(held, target)
  } finally {
    await held.close()
  }
}

/** Leaves it alone where it is shown already: another run of the container mounts the same. */
async function showAt(held: FileHandle, target: string): Promise<void> {
  const [wanted, there] = await Promise.all([held.stat(), stat(target).catch(() => undefined)])
  if (there?.dev === wanted.dev && there.ino === wanted.ino) return
  await unmountAllUnder(target)
  await mkdir(dirname(target), { recursive: true, mode: 0o750 })
  if (wanted.isDirectory()) await mkdir(target, { recursive: true })
  else await (await open(target, 'a')).close()
  // What the descriptor holds, not what its path leads to by now.
  await bindMount(`/proc/${process.pid}/fd/${held.fd}`, target)
}

async function resolveSubPath(root: string, part: SubPath): Promise<string> {
  const { path, kind } = part
  if (isAbsolute(path) || path.split('/').includes('..')) throw outside(part)
  const wanted = join(root, path)
  let there = wanted
  while (!(await exists(there))) there = dirname(there)
  const resolved = await realpath(there)
  if (!isWithin(root, resolved)) throw outside(part)
  if (there === wanted) return resolved
  if (kind === 'files') {
    const message = `subPath ${path} is no file of the volume (add the key, or mount the whole volume)`
    throw new VolumeError('CONFIG_MISSING', message)
  }
  const made = join(resolved, relative(there, wanted))
  await mkdir(made, { recursive: true })
  // Whoever may write the volume may write this part of it; mkdir's mode would be cut by the umask.
  await chmod(made, (await stat(root)).mode & 0o7777)
  return made
}

const isWithin = (root: string, path: string): boolean => path === root || path.startsWith(`${root}/`)

const outside = ({ path }: SubPath): VolumeError =>
  new VolumeError(
    'SUB_PATH_OUTSIDE',
    `subPath ${path} leads out of the volume (correct it, or remove the link in the volume)`,
  )

/** `subPathExpr` with the container's variables in it. Throws a VolumeError for one that there is not. */
export function expandSubPath(expression: string, environment: ReadonlyMap<string, string>): string {
  return expand(expression, (name) => {
    const value = environment.get(name)
    if (value !== undefined) return value
    const message = `subPathExpr ${expression}: the container has no variable ${name} (add it to env)`
    throw new VolumeError('VOLUME_FAILED', message)
  })
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
