import { setTimeout as sleep } from 'node:timers/promises'
import { DataplaneError } from '../../dataplane/errors.ts'
import type { FamilyStatus } from '../../dataplane/status.ts'
import type { Problem } from '../../model/problem.ts'
import type { NodeFeed } from '../../sources/node-feed.ts'
import type { ServiceFeed, ServiceFollower } from '../../sources/service-feed.ts'
import { complain } from '../process/complain.ts'

/** What a node asks of its service proxy. */
export interface NodeProxy extends ServiceFeed {
  /** All that the source said first is in force. */
  readonly isServing: boolean
  /** Calls back once it is. */
  whenServing(callback: () => void): void
  families(): readonly Pick<FamilyStatus, 'family' | 'lastError'>[]
  /** Why what the source says may be behind. */
  sourceProblems(): readonly Problem[]
}

export interface NodeDataplaneOptions<Proxy extends NodeProxy> {
  /** Changes nothing yet. Rejects with a DataplaneError `NO_NFTABLES` or `NO_IPVS` where the kernel has no such thing. */
  readonly open: () => Promise<Proxy>
  /** Has it serve what the API server says. */
  readonly follow: (proxy: Proxy, node: NodeFeed) => Promise<void>
  /** `reason` says something else from now on. */
  readonly onChange: () => void
  readonly signal: AbortSignal
  /** Between two attempts to open it. */
  readonly retryMs?: number
}

const RETRY_MS = 10_000

/** A module that is missing may be loaded any time; everything else is for people to mend. */
const lacksModule = (error: unknown): error is DataplaneError =>
  error instanceof DataplaneError && (error.code === 'NO_NFTABLES' || error.code === 'NO_IPVS')

/**
 * The Service part of a node: opened as soon as the kernel lets it, so that one that does not keeps the node from new
 * pods, and those that run already are looked after all the same.
 */
export class NodeDataplane<Proxy extends NodeProxy> implements ServiceFeed {
  readonly #options: NodeDataplaneOptions<Proxy>
  readonly #followers: ServiceFollower[] = []
  #proxy: Proxy | undefined
  #failure: string | undefined
  #node: NodeFeed | undefined
  #opening: Promise<void> = Promise.resolve()

  private constructor(options: NodeDataplaneOptions<Proxy>) {
    this.#options = options
  }

  /** Resolves when it was tried once. Rejects when it is not for the kernel that it cannot be opened. */
  static async open<Proxy extends NodeProxy>(
    options: NodeDataplaneOptions<Proxy>,
  ): Promise<NodeDataplane<Proxy>> {
    const dataplane = new NodeDataplane(options)
    if (!(await dataplane.#attempt())) dataplane.#opening = dataplane.#keepTrying()
    return dataplane
  }

  /** The Node is there, whose addresses the proxy goes by: from now on it serves. */
  async nodeRegistered(node: NodeFeed): Promise<void> {
    this.#node = node
    if (this.#proxy !== undefined) await this.#options.follow(this.#proxy, node)
  }

  followServices(follower: ServiceFollower): void {
    if (this.#proxy === undefined) this.#followers.push(follower)
    else this.#proxy.followServices(follower)
  }

  /**
   * Why this node cannot have pods yet as far as Services go: one that starts now would find none. Undefined from when they
   * were all in force once; what goes wrong later is the proxy's own health check's to say, because connections that there
   * are go on then, and a node that is not ready has its pods taken out of every Service.
   */
  reason(): string | undefined {
    if (this.#proxy === undefined) return `the service proxy cannot begin: ${this.#failure}`
    if (this.#proxy.isServing) return undefined
    const [behind] = this.#proxy.sourceProblems()
    if (behind !== undefined) {
      const { reason, remedy } = behind
      return `the service proxy does not know the Services yet: ${reason}${remedy === undefined ? '' : ` (${remedy})`}`
    }
    for (const { family, lastError } of this.#proxy.families())
      if (lastError !== undefined)
        return `the service proxy cannot program its ${family} Services: ${lastError.message}`
    return 'the service proxy has not programmed its Services yet'
  }

  /** To be called once the signal is aborted; the proxy itself is the teardown's. */
  close(): Promise<void> {
    return this.#opening
  }

  async #keepTrying(): Promise<void> {
    const { signal, retryMs = RETRY_MS } = this.#options
    do await sleep(retryMs, undefined, { signal }).catch(() => undefined)
    while (!signal.aborted && !(await this.#attempt()))
  }

  async #attempt(): Promise<boolean> {
    const { open, follow, onChange } = this.#options
    let proxy: Proxy
    try {
      proxy = await open()
    } catch (error) {
      if (!lacksModule(error)) throw error
      if (error.message !== this.#failure)
        complain(`the node is not ready, and tries again to begin with Services: ${error.message}`)
      this.#failure = error.message
      onChange()
      return false
    }
    this.#proxy = proxy
    for (const follower of this.#followers.splice(0)) proxy.followServices(follower)
    proxy.whenServing(onChange)
    if (this.#node !== undefined) await follow(proxy, this.#node)
    return true
  }
}
