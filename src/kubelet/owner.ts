import { createHash } from 'node:crypto'

/** Below it, in every cgroup hierarchy, each Hawser of the machine has a cgroup of its own. */
export const CGROUP_PARENT = '/hawser'

/**
 * The mark on everything that is ours in a runtime. Two Hawsers on one runtime differ in their state folders; the same
 * folder is the same Hawser, restarted. `stateDir` is absolute, links resolved.
 */
export const ownerOf = (stateDir: string): string =>
  createHash('sha256').update(stateDir).digest('hex').slice(0, 12)

export const ownCgroup = (owner: string): string => `${CGROUP_PARENT}/${owner}`
