import { MEMORY_KEPT_BYTES, STORAGE_KEPT_SHARE } from './resources.ts'

/** What a node is short of. */
export interface Pressure {
  readonly memory: boolean
  readonly disk: boolean
  readonly pids: boolean
}

/** What a node has left. */
export interface NodeFigures {
  readonly memoryAvailableBytes: number
  /** `nodefs` holds pods' logs and volumes, `imagefs` images and containers' own files; they may be one. */
  readonly filesystems: readonly FilesystemFigures[]
  readonly pids: { readonly limit: number; readonly used: number }
}

export interface FilesystemFigures {
  readonly kind: 'nodefs' | 'imagefs'
  readonly bytes: number
  /** Without what is kept for root. */
  readonly availableBytes: number
  /** 0 where the file system makes them as it needs them (btrfs): it never runs out. */
  readonly inodes: number
  readonly freeInodes: number
}

/** The kubelet's evictionHard. Shares of the whole. */
const FREE_SHARE = {
  nodefs: { bytes: STORAGE_KEPT_SHARE, inodes: 0.05 },
  imagefs: { bytes: 0.15, inodes: 0.05 },
} as const
/** The kubelet has no default for `pid.available`. A node that cannot fork cannot even run a probe. */
const FREE_PIDS_SHARE = 0.05

/** A shortage counts this much longer, in ms (evictionPressureTransitionPeriod): conditions that come and go are noise. */
export const PRESSURE_HOLD_MS = 300_000

/** When each shortage was last seen, ms since the epoch. */
export type SeenPressure = Readonly<Record<keyof Pressure, number>>

export const NEVER_SEEN: SeenPressure = {
  memory: Number.NEGATIVE_INFINITY,
  disk: Number.NEGATIVE_INFINITY,
  pids: Number.NEGATIVE_INFINITY,
}

/** What is short by these figures alone. */
export const shortages = ({ memoryAvailableBytes, filesystems, pids }: NodeFigures): Pressure => ({
  memory: memoryAvailableBytes < MEMORY_KEPT_BYTES,
  disk: filesystems.some(isShort),
  pids: pids.limit - pids.used < pids.limit * FREE_PIDS_SHARE,
})

const isShort = ({ kind, bytes, availableBytes, inodes, freeInodes }: FilesystemFigures): boolean =>
  availableBytes < bytes * FREE_SHARE[kind].bytes || freeInodes < inodes * FREE_SHARE[kind].inodes

export function seePressure(seen: SeenPressure, figures: NodeFigures, now: number): SeenPressure {
  const { memory, disk, pids } = shortages(figures)
  return {
    memory: memory ? now : seen.memory,
    disk: disk ? now : seen.disk,
    pids: pids ? now : seen.pids,
  }
}

/**
 * What the node is said to be short of. It takes no new pods then (the node controller taints it); ending pods to make
 * room is not done here.
 */
export function pressureAt(seen: SeenPressure, now: number): Pressure {
  const lasts = (since: number) => now - since < PRESSURE_HOLD_MS
  return { memory: lasts(seen.memory), disk: lasts(seen.disk), pids: lasts(seen.pids) }
}
