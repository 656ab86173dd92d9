import type { Change } from '../model/change.ts'

/** Hears every Service there is, once that is known, then what changes; other kinds may be among it. */
export type ServiceFollower = (changes: readonly Change[]) => void

/** Services that are watched once, for whoever needs them. */
export interface ServiceFeed {
  followServices(follower: ServiceFollower): void
}
