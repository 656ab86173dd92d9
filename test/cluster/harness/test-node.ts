import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { packageRoot } from '../../../bench/package-root.ts'
import type { PrivateContainerd } from '../../../src/kubelet/runtime/private-containerd.ts'
import { TEST_PAUSE_IMAGE, writeTestImages } from '../../support/containerd-images.ts'
import type { Netns } from '../../support/netns.ts'
import { type ClusterLink, POD_RANGE } from './cluster-network.ts'
import { NodeMachine } from './node-machine.ts'
import { ClusterProcess } from './process.ts'
import type { TestCluster } from './test-cluster.ts'

export interface TestNodeOptions {
  readonly name: string
  /** `node`, the default: one process; `kubelet`: `hawser kubelet` and `hawser proxy` beside each other; `none`: the machine alone. */
  readonly command?: 'node' | 'kubelet' | 'none'
  /** For the kubelet's command, beside those that say where it is. */
  readonly flags?: readonly string[]
  /** Other images than the tests' own. */
  readonly images?: NodeImages
}

export interface NodeImages {
  /** What a sandbox runs; one of the archives has it. */
  readonly sandboxImage: string
  /** Writes archives into the folder, which exists; their paths. */
  readonly write: (folder: string) => Promise<readonly string[]>
}

const TEST_IMAGES: NodeImages = { sandboxImage: TEST_PAUSE_IMAGE, write: writeTestImages }

/** The compiled command; another build can be tested. */
const main = resolve(process.env.HAWSER_COMMAND ?? join(packageRoot, 'dist', 'src', 'cli', 'main.js'))
/** Whoever starts it with a busy machine waits for containers' first start too. */
const READY_MS = 120_000

/**
 * A machine of a test cluster that has a network of its own: a network namespace, a private containerd with pods'
 * networking, and Hawser on it with the node's own identity. Nothing of it stays after `dispose`.
 */
export class TestNode {
  readonly name: string
  /** Path of a kubeconfig of `system:node:NAME`. */
  readonly kubeconfig: string
  /** Holds all that is the machine's: the runtime's folder, the kubelet's (`kubelet/`), the proxy's. */
  readonly folder: string
  readonly #cluster: TestCluster
  readonly #link: ClusterLink
  readonly #machine: NodeMachine
  readonly #options: TestNodeOptions
  #kubelet: ClusterProcess | undefined
  #proxy: ClusterProcess | undefined

  private constructor(
    cluster: TestCluster,
    options: TestNodeOptions,
    has: { link: ClusterLink; folder: string; kubeconfig: string; machine: NodeMachine },
  ) {
    this.name = options.name
    this.kubeconfig = has.kubeconfig
    this.folder = has.folder
    this.#link = has.link
    this.#machine = has.machine
    this.#cluster = cluster
    this.#options = options
  }

  /** Resolves when the Node is Ready, at once without a command. The cluster needs `network`. */
  static async start(cluster: TestCluster, options: TestNodeOptions): Promise<TestNode> {
    const link = await cluster.network.plug(options.name)
    const folder = join(cluster.place.folder, options.name)
    await mkdir(folder)
    const { cert, key } = await cluster.clientCertificate(`system:node:${options.name}`, ['system:nodes'])
    const kubeconfig = await cluster.writeKubeconfig(
      `${options.name}.kubeconfig`,
      { 'client-certificate': cert, 'client-key': key },
      { server: `https://${cluster.network.address}:${cluster.serverPort}` },
    )
    const { sandboxImage, write } = options.images ?? TEST_IMAGES
    const archives = await write(folder)
    const { podCidr } = link
    const machine = await NodeMachine.start(
      { folder, netns: link.netns.path, podCidr, sandboxImage },
      archives,
    )
    const node = new TestNode(cluster, options, { link, folder, kubeconfig, machine })
    try {
      await node.startHawser()
      return node
    } catch (error) {
      await node.dispose()
      throw error
    }
  }

  get netns(): Netns {
    return this.#link.netns
  }

  /** Its InternalIP. */
  get address(): string {
    return this.#link.address
  }

  get podCidr(): string {
    return this.#link.podCidr
  }

  get containerd(): PrivateContainerd {
    return this.#machine.containerd
  }

  /** Where the kubelet keeps volumes. */
  get kubeletFolder(): string {
    return this.#machine.kubeletFolder
  }

  /** Where it keeps the logs of containers. */
  get logsFolder(): string {
    return this.#machine.logsFolder
  }

  /** Of the process with the kubelet in it. */
  get pid(): number | undefined {
    return this.#kubelet?.pid
  }

  /** Runs a program in its network namespace; what it prints. */
  exec(file: string, ...args: readonly string[]): Promise<string> {
    return this.netns.exec(file, ...args)
  }

  /** Settles when one of the processes that run now ends, whatever ends it. */
  async ended(): Promise<void> {
    await Promise.race([this.#kubelet, this.#proxy].flatMap((program) => program?.ended ?? []))
  }

  /** All that its processes have said. */
  async said(): Promise<string> {
    return ((await this.#kubelet?.output()) ?? '') + ((await this.#proxy?.output()) ?? '')
  }

  /** The end of it, for messages. */
  async lastWords(lines = 10): Promise<string> {
    return (await this.said()).trimEnd().split('\n').slice(-lines).join('\n')
  }

  /** Starts Hawser, for the first time or again; resolves when the Node is Ready. */
  async startHawser(): Promise<void> {
    const { command = 'node', flags = [] } = this.#options
    if (command === 'none') return
    this.#kubelet = this.#run(command, command, [
      `--node-ip=${this.address}`,
      `--container-runtime-endpoint=${this.containerd.endpoint}`,
      `--root-dir=${this.kubeletFolder}`,
      `--pod-logs-dir=${this.logsFolder}`,
      ...(command === 'node' ? this.#proxyFlags() : []),
      ...flags,
    ])
    if (command === 'kubelet')
      this.#proxy = this.#run('proxy', 'proxy', [`--state-dir=${this.folder}/proxy`, ...this.#proxyFlags()])
    // What it was before this start is still in the API: times there are whole seconds.
    const since = Math.floor(Date.now() / 1000) * 1000
    await this.#kubelet.whenReady(() => this.isReady(since), READY_MS)
  }

  /** SIGKILL, as nobody can prepare for. Pods and rules stay as they are. */
  async kill(): Promise<void> {
    await Promise.all([this.#kubelet?.stop('SIGKILL'), this.#proxy?.stop('SIGKILL')])
  }

  /** SIGTERM, as an update does; resolves to the exit status of the process with the kubelet in it. */
  async stop(): Promise<number | null> {
    await Promise.all([this.#kubelet?.stop(), this.#proxy?.stop()])
    return this.#kubelet?.exitCode ?? null
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.startHawser()
  }

  /** Ends Hawser and takes everything away that is the machine's, its pods included, but not its Node object. */
  async dispose(): Promise<void> {
    await this.kill()
    await this.#machine.dispose()
  }

  /** The Node is Ready by the word of a kubelet that has spoken since then, in ms since the epoch. */
  async isReady(since: number): Promise<boolean> {
    const path = `/api/v1/nodes/${this.name}`
    const { status } = (await this.#cluster.admin.json({ path })) as NodeReport
    return status.conditions.some(
      (condition) =>
        condition.type === 'Ready' &&
        condition.status === 'True' &&
        Date.parse(condition.lastHeartbeatTime) >= since,
    )
  }

  #proxyFlags(): readonly string[] {
    // A namespace of its own has no say in the size of the machine's table of connections.
    return [`--cluster-cidr=${POD_RANGE}`, '--conntrack-max-per-core=0']
  }

  #run(command: string, logName: string, flags: readonly string[]): ClusterProcess {
    const place = { binaries: dirname(process.execPath), folder: this.folder }
    const who = [`--kubeconfig=${this.kubeconfig}`, `--hostname-override=${this.name}`]
    return ClusterProcess.start('node', place, [main, command, ...who, ...flags], {
      netns: this.netns.path,
      logName,
    })
  }
}

interface NodeReport {
  readonly status: {
    readonly conditions: readonly {
      readonly type: string
      readonly status: string
      readonly lastHeartbeatTime: string
    }[]
  }
}
