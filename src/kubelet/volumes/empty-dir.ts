import { chmod, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Pod, VolumeSource } from '../../model/pod.ts'
import { mountTmpfs } from '../host/mounts.ts'
import { giveToGroup } from './volume-owner.ts'

export type EmptyDir = Extract<VolumeSource, { kind: 'emptyDir' }>

/** Makes the folder of an emptyDir. One that is there keeps what is in it. */
export async function prepareEmptyDir(
  path: string,
  source: EmptyDir,
  pod: Pod,
  nodeMemoryBytes: number | undefined,
): Promise<void> {
  if (source.medium === 'memory') {
    await prepareMemory(path, memorySize(source, pod, nodeMemoryBytes))
  } else if (!(await isThere(path))) {
    await mkdir(path, { recursive: true })
    // Any user of the pod may write; mkdir's own mode would be cut by the umask.
    await chmod(path, 0o777)
  }
  await giveToGroup(path, pod.security.fsGroup)
}

/** Has a tmpfs at the folder; `sizeBytes` undefined: as the kernel has it, half of the memory. */
export async function prepareMemory(path: string, sizeBytes: number | undefined): Promise<void> {
  await mkdir(path, { recursive: true })
  if (!(await isMountPoint(path))) await mountTmpfs(path, sizeBytes)
}

/**
 * What an emptyDir in memory can hold: no more than its limit, than the pod may use of memory, which it counts to, and than
 * the node has (KEP-1967). Undefined: none of these is known.
 */
export function memorySize(
  { sizeBytes }: EmptyDir,
  pod: Pod,
  nodeMemoryBytes: number | undefined,
): number | undefined {
  const bounds = [sizeBytes, memoryLimit(pod), nodeMemoryBytes].filter(
    (bound) => bound !== undefined && bound > 0,
  )
  return bounds.length === 0 ? undefined : Math.min(...bounds.map(Number))
}

/** Of all containers that run at a time; undefined when one of them has none. */
function memoryLimit({ initContainers, containers }: Pod): number | undefined {
  const limits = [...initContainers, ...containers].map(({ limits: { memoryBytes } }) => memoryBytes)
  if (limits.some((limit) => limit === undefined)) return undefined
  const of = (list: Pod['containers']) => list.map(({ limits: { memoryBytes = 0 } }) => memoryBytes)
  const together = of(containers).reduce((sum, limit) => sum + limit, 0)
  return Math.max(together, ...of(initContainers))
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** A mount point lies on another device than the folder around it. */
async function isMountPoint(path: string): Promise<boolean> {
  const [inside, around] = await Promise.all([stat(path), stat(dirname(path))])
  return inside.dev !== around.dev
}
