import { chmod, mkdir, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative } from 'node:path'
import type { VolumeSource } from '../../model/pod.ts'
import { expand } from '../pods/expand.ts'
import { VolumeError } from './volume-error.ts'

/** The part of a volume that is mounted, made where it is missing. Whatever leads out of the volume is refused. */
export async function resolveSubPath(
  base: string,
  subPath: string,
  kind: VolumeSource['kind'],
): Promise<string> {
  const outside = `subPath ${subPath} leads out of the volume (correct it, or remove the link in the volume)`
  if (isAbsolute(subPath) || subPath.split('/').includes('..')) {
    throw new VolumeError('SUB_PATH_OUTSIDE', outside)
  }
  const root = await realpath(base)
  const wanted = join(root, subPath)
  let there = wanted
  while (!(await exists(there))) there = dirname(there)
  const resolved = await realpath(there)
  if (resolved !== root && !resolved.startsWith(`${root}/`)) {
    throw new VolumeError('SUB_PATH_OUTSIDE', outside)
  }
  if (there === wanted) return resolved
  if (kind === 'files') {
    const message = `subPath ${subPath} is no file of the volume (add the key, or mount the whole volume)`
    throw new VolumeError('CONFIG_MISSING', message)
  }
  const made = join(resolved, relative(there, wanted))
  await mkdir(made, { recursive: true })
  // Whoever may write the volume may write this part of it; mkdir's mode would be cut by the umask.
  await chmod(made, (await stat(root)).mode & 0o7777)
  return made
}

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
