import { readdir, readFile, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseMounts } from './mounts.ts'

/** How long the kernel may take to forget the processes of a cgroup that has just been emptied. */
const BUSY_MS = 2_000

/**
 * The node's cgroup hierarchies: one on a pure v2 machine; on a v1 machine one a controller, systemd's named one and
 * perhaps a v2 one beside them. runc makes pod cgroups in all of them and leaves their removal to us.
 */
export async function cgroupRoots(): Promise<readonly string[]> {
  const mounts = parseMounts(await readFile('/proc/self/mountinfo', 'utf8'))
  return mounts.filter(({ type }) => type === 'cgroup' || type === 'cgroup2').map(({ point }) => point)
}

/** Removes the cgroup `path` (absolute within each hierarchy) with everything below it. Throws when one is in use. */
export async function removeCgroup(path: string): Promise<void> {
  const deadline = Date.now() + BUSY_MS
  for (const root of await cgroupRoots()) await removeTree(join(root, path), deadline)
}

/** Removes the cgroup `path` wherever it is empty; somebody else's cgroups below it keep it. */
export async function removeEmptyCgroup(path: string): Promise<void> {
  for (const root of await cgroupRoots()) await rmdir(join(root, path)).catch(() => undefined)
}

async function removeTree(folder: string, deadline: number): Promise<void> {
  // Only folders are cgroups; the files in them go with them.
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined)
  if (entries === undefined) return
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(folder, entry.name), deadline)
  for (;;) {
    try {
      return await rmdir(folder)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'ENOENT') return
      if (code !== 'EBUSY' || Date.now() >= deadline) throw error
      await sleep(20)
    }
  }
}
