import type { NodeFeed } from '../node-feed.ts'
import { type OwnNode, parseOwnNode } from './own-node.ts'

/** The own Node that somebody else in this process watches, in the place of a reflector of it. */
export class GivenNode {
  readonly #node = new Map<string, OwnNode>()
  #synced = false
  #closed = false

  constructor(feed: NodeFeed, onChange: () => void) {
    feed.followNode((written) => {
      if (this.#closed) return
      this.#synced = true
      const value = written === undefined ? undefined : parseOwnNode(written).value
      if (value !== undefined) this.#node.set(value.name, value)
      else if (written === undefined) this.#node.clear()
      onChange()
    })
  }

  get objects(): ReadonlyMap<string, OwnNode> {
    return this.#node
  }

  get synced(): boolean {
    return this.#synced
  }

  /** Whoever watches it says why it may be behind. */
  readonly problem = undefined

  async close(): Promise<void> {
    this.#closed = true
  }
}
