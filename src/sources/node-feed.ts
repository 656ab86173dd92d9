/** Hears the core/v1 Node as it is written, or that there is none: once that is known, then whenever it changes. */
export type NodeFollower = (written: unknown) => void

/** The own Node, watched once for whoever needs it. */
export interface NodeFeed {
  followNode(follower: NodeFollower): void
}
