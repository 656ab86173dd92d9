import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Teardown } from './teardown.ts'

/** A control group whose memory is accounted for. */
export interface MemoryGroup {
  readonly folder: string
  readonly version: 1 | 2
}

/** The usual places, of version 1's own hierarchy and of the one of version 2. */
const V1 = '/sys/fs/cgroup/memory'
const V2 = '/sys/fs/cgroup'

/** Makes a control group of this run's own; undefined where none tells of kernel memory. */
export async function freshMemoryGroup(teardown: Teardown): Promise<MemoryGroup | undefined> {
  const name = `hw-bench-${randomBytes(4).toString('hex')}`
  for (const [parent, version] of [
    [V1, 1],
    [V2, 2],
  ] as const) {
    const group = { folder: join(parent, name), version }
    try {
      if (version === 2 && !(await readFile(join(V2, 'cgroup.subtree_control'), 'utf8')).includes('memory'))
        continue
      await mkdir(group.folder)
      teardown.add(() => rmdir(group.folder))
      await readKernelMib(group)
      return group
    } catch {
      // No such hierarchy, or none that may be written to.
    }
  }
  return undefined
}

/**
 * Moves this process into the group; the returned function tells, in MiB, what kernel memory was made for the group and
 * is still there, once that stands still: the kernel gives some of it back a little later.
 */
export async function enterMemoryGroup(group: MemoryGroup): Promise<() => Promise<number>> {
  await writeFile(join(group.folder, 'cgroup.procs'), String(process.pid))
  return async () => {
    let last = await readKernelMib(group)
    for (let look = 0; look < 50; look++) {
      await sleep(20)
      const now = await readKernelMib(group)
      if (now === last) break
      last = now
    }
    return last
  }
}

async function readKernelMib({ folder, version }: MemoryGroup): Promise<number> {
  if (version === 1)
    return Number(await readFile(join(folder, 'memory.kmem.usage_in_bytes'), 'utf8')) / 2 ** 20
  const [, bytes] = /^kernel (\d+)$/m.exec(await readFile(join(folder, 'memory.stat'), 'utf8')) ?? []
  if (bytes === undefined) throw new Error(`${folder}/memory.stat does not tell of kernel memory`)
  return Number(bytes) / 2 ** 20
}
