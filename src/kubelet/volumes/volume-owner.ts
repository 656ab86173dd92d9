import { chmod, chown, stat } from 'node:fs/promises'
import type { Pod } from '../../model/pod.ts'
import type { WrittenFile } from './atomic-files.ts'

/** Files that come later belong to the group as well (inode(7), S_ISGID), and who is of it may look inside. */
const GROUP_FOLDER = 0o2110
const GROUP_READS = 0o440
const GROUP_WRITES = 0o660

/** Gives a folder that the pod writes to to the pod's group. Harmless when repeated. */
export async function giveToGroup(folder: string, group: number | undefined): Promise<void> {
  if (group === undefined) return
  const { gid, mode } = await stat(folder)
  const wanted = mode | GROUP_FOLDER | GROUP_WRITES
  if (gid !== group) await chown(folder, -1, group)
  // After chown(2), which may take S_ISGID away.
  if (gid !== group || mode !== wanted) await chmod(folder, wanted & 0o7777)
}

/** The file as the pod's group may read it. */
export const readableByGroup = (file: WrittenFile, group: number | undefined): WrittenFile =>
  group === undefined
    ? file
    : { ...file, mode: file.mode | GROUP_READS, owner: { uid: file.owner?.uid ?? 0, gid: group } }

/**
 * A token is for its pod alone (KEP-1205): the group of the pod's volumes reads it, or the one user that all its containers
 * run as; where nobody can be told, everybody who may read the volume.
 */
export function tokenAccess(pod: Pod, mode: number): Pick<WrittenFile, 'mode' | 'owner'> {
  if (pod.security.fsGroup !== undefined) return { mode: 0o600, owner: undefined }
  const uid = onlyUser(pod)
  return uid === undefined ? { mode, owner: undefined } : { mode: 0o600, owner: { uid, gid: 0 } }
}

/** The user of every container; undefined when there are several, or one that only its image knows. */
function onlyUser({ initContainers, containers }: Pod): number | undefined {
  const users = new Set([...initContainers, ...containers].map(({ security }) => security.runAsUser))
  const [user] = users
  return users.size === 1 ? user : undefined
}
