import type { KubeClient } from '../../kube/client.ts'
import { isRecord } from '../../kube/kube-object.ts'
import type { Pod } from '../../model/pod.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { matchesNode } from '../admission/node-match.ts'

export interface NodeLabelsOptions {
  readonly client: Pick<KubeClient, 'json'>
  readonly nodeName: string
  /** Those that the node gives itself. */
  readonly own: ReadonlyMap<string, string>
  readonly log: Logger
}

/**
 * The labels of this machine's Node. Others label it too, and a pod may be bound for a label that it has had for a
 * moment: before a pod is refused for one, the API server is asked.
 */
export class NodeLabels {
  readonly #options: NodeLabelsOptions
  #labels: ReadonlyMap<string, string>
  #line: Promise<void> | undefined

  constructor(options: NodeLabelsOptions) {
    this.#options = options
    this.#labels = options.own
  }

  get current(): ReadonlyMap<string, string> {
    return this.#labels
  }

  /** Calls back once the labels are known that `pods` ask for: at once where they are, in the order of the calls always. */
  whenKnown(pods: readonly Pod[], then: () => void): void {
    if (this.#line === undefined && this.#haveAll(pods)) {
      then()
      return
    }
    const turn = (this.#line ?? Promise.resolve()).then(async () => {
      if (!this.#haveAll(pods)) await this.#ask()
      then()
    })
    this.#line = turn
    void turn.finally(() => {
      if (this.#line === turn) this.#line = undefined
    })
  }

  #haveAll(pods: readonly Pod[]): boolean {
    const node = { name: this.#options.nodeName, labels: this.#labels }
    return pods.every(({ placement }) => matchesNode(placement, node))
  }

  /** Never rejects: a node that cannot be asked has the labels that it had. */
  async #ask(): Promise<void> {
    const { client, nodeName, log } = this.#options
    try {
      const node = await client.json({ path: `/api/v1/nodes/${nodeName}` })
      const metadata = isRecord(node) && isRecord(node.metadata) ? node.metadata : {}
      const written = isRecord(metadata.labels) ? Object.entries(metadata.labels) : []
      this.#labels = new Map(written.map(([key, value]) => [key, String(value)]))
    } catch (error) {
      log.warn(
        { error: errorMessage(error) },
        'The labels of this node cannot be read: pods that name them may be refused',
      )
    }
  }
}
