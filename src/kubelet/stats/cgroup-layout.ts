import { parseMounts } from '../host/mounts.ts'
import { StatsError } from './stats-error.ts'

/** Where one controller's cgroups are, and in whose way they are written. */
export interface Hierarchy {
  readonly version: 1 | 2
  /** Mount point. */
  readonly root: string
}

/** What counts for cgroups. On a machine with v1 beside an empty v2, each controller is in one of them. */
export interface CgroupLayout {
  readonly memory: Hierarchy
  readonly cpu: Hierarchy
  /** Where quotas of CPU time are enforced; undefined: nowhere. */
  readonly quota: Hierarchy | undefined
  /** Where block devices are counted; undefined: nowhere. */
  readonly io: Hierarchy | undefined
}

/** Reads it out of a mountinfo file. Throws a StatsError when nothing counts. */
export function cgroupLayout(mountinfo: string): CgroupLayout {
  const mounts = parseMounts(mountinfo)
  const unified = mounts.find(({ type }) => type === 'cgroup2')
  const hierarchy = (controller: string): Hierarchy | undefined => {
    const own = mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller))
    if (own !== undefined) return { version: 1, root: own.point }
    return unified === undefined ? undefined : { version: 2, root: unified.point }
  }
  const needed = (controller: string): Hierarchy => {
    const found = hierarchy(controller)
    if (found !== undefined) return found
    throw new StatsError(
      'CGROUPS_MISSING',
      `what pods use cannot be read: no cgroup hierarchy with ${controller} is mounted (mount cgroup2 at /sys/fs/cgroup)`,
    )
  }
  return {
    memory: needed('memory'),
    cpu: needed('cpuacct'),
    quota: hierarchy('cpu'),
    io: hierarchy('blkio'),
  }
}
