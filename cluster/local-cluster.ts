import { join } from 'node:path'
import { packageRoot } from '../bench/package-root.ts'
import { CommandError } from '../src/cli/command-error.ts'
import type { Teardown } from '../src/cli/process/teardown.ts'
import { buildPauseImage, pauseImageName } from '../src/kubelet/images/pause-image.ts'
import { archivesOf } from '../src/kubelet/images/private-images.ts'
import { removeFormerRuns } from '../test/cluster/harness/former-runs.ts'
import { LoopbackGate } from '../test/cluster/harness/loopback-gate.ts'
import { TestCluster } from '../test/cluster/harness/test-cluster.ts'
import { type NodeImages, TestNode } from '../test/cluster/harness/test-node.ts'

/** The manifests that are deployed, with the images that they use. */
export const EXAMPLE = join(packageRoot, 'examples', 'hello')

const NODE_NAME = 'hawser'

/** What starting the cluster takes from its surroundings. */
export interface Surroundings {
  readonly teardown: Teardown
  readonly say: (text: string) => void
  /** Aborted when the run is to end: what has not begun does not begin. */
  readonly signal: AbortSignal
}

/** A control plane and one node for people: what the cluster tests run against, with the images of the example. */
export class LocalCluster {
  readonly node: TestNode
  /** Rejects with a CommandError when Hawser ends by itself. */
  readonly failure: Promise<never>
  readonly #cluster: TestCluster
  readonly #teardown: Teardown

  private constructor(cluster: TestCluster, node: TestNode, teardown: Teardown) {
    this.node = node
    this.failure = node.ended().then(async () => {
      throw new CommandError(
        'NODE_ENDED',
        `Hawser has ended on the node; its last words:\n${await node.lastWords()}`,
      )
    })
    this.failure.catch(() => undefined)
    this.#cluster = cluster
    this.#teardown = teardown
  }

  /** Resolves when the node is Ready. */
  static async start({ teardown, say, signal }: Surroundings): Promise<LocalCluster> {
    for (const folder of await removeFormerRuns())
      say(`Removed what a run that was killed had left in ${folder}`)
    say('Starting etcd, kube-apiserver, kube-controller-manager and kube-scheduler')
    const cluster = await TestCluster.start({ controllerManager: true, scheduler: true, network: true })
    teardown.add('the control plane', () => cluster.dispose())
    say(`They and all else keep their things in ${cluster.place.folder}`)
    signal.throwIfAborted()
    say(`Starting node ${NODE_NAME}: a private containerd with the images of examples/hello, and Hawser`)
    const node = await TestNode.start(cluster, { name: NODE_NAME, images: IMAGES })
    teardown.add('the node with its pods', () => node.dispose(), REMOVE_NODE_MS)
    signal.throwIfAborted()
    return new LocalCluster(cluster, node, teardown)
  }

  /** Path of a kubeconfig with every right, for this machine. */
  get kubeconfig(): string {
    return this.#cluster.kubeconfig
  }

  /** The folder of kubectl, etcd and the others. */
  get programs(): string {
    return this.#cluster.place.binaries
  }

  /** Runs kubectl with every right; what it prints. Throws a CommandError with what it said instead. */
  async kubectl(...args: readonly string[]): Promise<string> {
    try {
      return (await this.#cluster.kubectl(args)).stdout
    } catch (error) {
      const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error)
      throw new CommandError('KUBECTL_FAILED', `kubectl ${args.join(' ')}: ${said}`, { cause: error })
    }
  }

  /** Has a port of the node answer on loopback of this machine: the same one, where nobody else has it. */
  async expose(port: number): Promise<number> {
    const target = { address: this.node.address, port, wanted: port }
    const gate = await LoopbackGate.open(this.node.netns.path, [target])
    this.#teardown.add(`the way to port ${port} of the node`, () => gate.close())
    return gate.ports[0] ?? port
  }
}

/** Pods with a grace period of half a minute are not waited for, but a runtime that has much to do is. */
const REMOVE_NODE_MS = 120_000

const IMAGES: NodeImages = {
  sandboxImage: pauseImageName,
  async write(folder) {
    const pause = await buildPauseImage(packageRoot, join(folder, 'pause.tar'))
    return [pause.file, ...(await archivesOf(EXAMPLE, folder))]
  },
}
