import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Registry } from 'prom-client'
import { startClusterKubelet } from '../../src/cli/kubelet/cluster-kubelet.ts'
import { Teardown } from '../../src/cli/process/teardown.ts'
import { kubeconfigAccess } from '../../src/kube/access/kubeconfig.ts'
import { KubeClient, type KubeRequest } from '../../src/kube/client.ts'
import { unmountAllUnder } from '../../src/kubelet/host/mounts.ts'
import { readMachine } from '../../src/kubelet/node/machine.ts'
import { CriClient } from '../../src/kubelet/runtime/cri-client.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { startTestContainerd, type TestContainerd } from '../support/containerd.ts'
import { TEST_IMAGE } from '../support/containerd-images.ts'
import { eventually } from '../support/eventually.ts'
import { address } from '../support/services.ts'
import { TestCluster } from './harness/test-cluster.ts'

const NODE = 'worker'
const NAMESPACE = '/api/v1/namespaces/default'
const PODS = `${NAMESPACE}/pods`
/** As process 1 a shell ignores SIGTERM unless it traps it. */
export const SLEEP = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1000 & wait; done']
/** A busy machine takes its time. */
const WAIT_MS = 60_000

interface TerminatedState {
  readonly exitCode: number
  readonly reason: string
  readonly message?: string
}

export interface ContainerStatusObject {
  readonly name: string
  readonly ready: boolean
  readonly started: boolean
  readonly restartCount: number
  readonly containerID?: string
  readonly imageID: string
  readonly state: {
    readonly waiting?: { readonly reason: string; readonly message?: string }
    readonly running?: object
    readonly terminated?: TerminatedState
  }
  readonly lastState: { readonly terminated?: TerminatedState }
}

/** core/v1 Pod, as far as tests look. */
export interface PodObject {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly deletionTimestamp?: string
    readonly annotations?: Readonly<Record<string, string>>
    readonly ownerReferences?: readonly object[]
  }
  readonly status: {
    readonly phase: string
    readonly reason?: string
    readonly message?: string
    readonly podIP?: string
    readonly hostIP?: string
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly reason?: string
      readonly message?: string
    }[]
    readonly initContainerStatuses?: readonly ContainerStatusObject[]
    readonly containerStatuses?: readonly ContainerStatusObject[]
  }
}

/** What kubectl prints of an Event. */
interface EventObject {
  readonly type: string
  readonly reason: string
  readonly message: string
  readonly involvedObject: { readonly uid: string; readonly fieldPath?: string }
}

export const conditionOf = ({ status }: PodObject, type: string): string | undefined =>
  status.conditions?.find((condition) => condition.type === type)?.status

export const isReady = (pod: PodObject): boolean => conditionOf(pod, 'Ready') === 'True'

/** A cluster whose one node is the kubelet's part of this process, on a private containerd. */
export class PodNode {
  readonly cluster: TestCluster
  readonly machine: TestContainerd
  /** What the node has written to pods and Events, in order. */
  readonly writes: string[] = []
  readonly #manifests: string | undefined
  #teardown: Teardown

  private constructor(cluster: TestCluster, machine: TestContainerd, manifests: string | undefined) {
    this.cluster = cluster
    this.machine = machine
    this.#manifests = manifests
    this.#teardown = new Teardown()
  }

  /** `manifests` is the folder of static pods, if there is one. */
  static async start(manifests?: (folder: string) => string): Promise<PodNode> {
    const [cluster, machine] = await Promise.all([TestCluster.start(), startTestContainerd()])
    const node = new PodNode(cluster, machine, manifests?.(cluster.place.folder))
    const { cert, key } = await cluster.clientCertificate(`system:node:${NODE}`, ['system:nodes'])
    await cluster.writeKubeconfig(`${NODE}.kubeconfig`, { 'client-certificate': cert, 'client-key': key })
    const body = { metadata: { name: 'robot' } }
    await cluster.admin.json({ method: 'POST', path: `${NAMESPACE}/serviceaccounts`, body })
    await node.begin()
    return node
  }

  get name(): string {
    return NODE
  }

  /** As one process of the node begins. */
  async begin(): Promise<void> {
    const teardown = new Teardown()
    this.#teardown = teardown
    const [client, leaseClient] = [await this.#client(), await this.#client()]
    for (const opened of [client, leaseClient]) teardown.add('a client', async () => opened.close())
    await startClusterKubelet(
      {
        client,
        leaseClient,
        identity: {
          name: NODE,
          addresses: [address('192.0.2.1')],
          labels: new Map(),
          taints: [],
          maxPods: 110,
          machine: await readMachine(this.machine.stateDir),
          reserved: { cpuMilli: 0, memoryBytes: 0, storageBytes: 0 },
          kubeletPort: 0,
          kubeletVersion: 'v1.36.0',
        },
        endpoint: this.machine.containerd.endpoint,
        stateDir: this.machine.stateDir,
        logsDir: `${this.machine.stateDir}/logs`,
        clusterDns: { addresses: [], domain: 'cluster.local' },
        resolvConf: undefined,
        manifests: this.#manifests,
        registry: new Registry(),
        log: silentLogger,
      },
      teardown,
    )
  }

  /** The process ends; pods go on. */
  end(): Promise<unknown> {
    return this.#teardown.run(() => undefined)
  }

  async dispose(): Promise<void> {
    await this.end()
    // The pods run on, and with them what is mounted for them.
    await unmountAllUnder(this.machine.stateDir)
    await this.machine.remove()
    await this.cluster.dispose()
  }

  /** Binds a pod to the node by hand; it has one container `main` unless `spec` says otherwise. */
  async create(name: string, spec: object = {}, container: object = {}): Promise<PodObject> {
    const body = {
      metadata: { name },
      spec: {
        ...{ nodeName: NODE, serviceAccountName: 'robot', automountServiceAccountToken: false },
        terminationGracePeriodSeconds: 2,
        containers: [{ name: 'main', image: TEST_IMAGE, command: SLEEP, ...container }],
        ...spec,
      },
    }
    return (await this.cluster.admin.json({ method: 'POST', path: PODS, body })) as PodObject
  }

  make(kind: 'configmaps' | 'secrets', name: string, content: object): Promise<unknown> {
    const body = { metadata: { name }, ...content }
    return this.cluster.admin.json({ method: 'POST', path: `${NAMESPACE}/${kind}`, body })
  }

  async read(name: string): Promise<PodObject> {
    return (await this.cluster.admin.json({ path: `${PODS}/${name}` })) as PodObject
  }

  delete(name: string, options: object = {}): Promise<unknown> {
    return this.cluster.admin.json({ method: 'DELETE', path: `${PODS}/${name}`, body: options })
  }

  /** Resolves with the pod once it `matches`. */
  when(name: string, matches: (pod: PodObject) => boolean): Promise<PodObject> {
    return eventually(async () => {
      const pod = await this.read(name)
      if (!matches(pod)) throw new Error(`pod ${name} is ${JSON.stringify(pod.status)}`)
      return pod
    }, WAIT_MS)
  }

  /** Resolves once the first container waits for this. */
  async waits(name: string, reason: string): Promise<string | undefined> {
    const { status } = await this.when(
      name,
      (pod) => pod.status.containerStatuses?.[0]?.state.waiting?.reason === reason,
    )
    return status.containerStatuses?.[0]?.state.waiting?.message
  }

  gone(name: string): Promise<unknown> {
    return eventually(async () => {
      const pod = await this.read(name).catch(() => undefined)
      if (pod !== undefined) throw new Error(`pod ${name} is still there: ${JSON.stringify(pod)}`)
      return true
    }, WAIT_MS)
  }

  /** The Events of a pod, `Normal Pulled spec.containers{main}: …`, in order, once all that are `wanted` are there. */
  events(uid: string, ...wanted: readonly RegExp[]): Promise<readonly string[]> {
    return eventually(async () => {
      const { items } = (await this.cluster.admin.json({
        ...{ path: `${NAMESPACE}/events`, query: { fieldSelector: `involvedObject.uid=${uid}` } },
      })) as { readonly items: readonly EventObject[] }
      const lines = items.map(
        ({ type, reason, message, involvedObject: { fieldPath } }) =>
          `${type} ${reason}${fieldPath === undefined ? '' : ` ${fieldPath}`}: ${message}`,
      )
      const missing = wanted.filter((pattern) => !lines.some((line) => pattern.test(line)))
      if (missing.length > 0) throw new Error(`no Event ${missing.join(', ')} in:\n${lines.join('\n')}`)
      return lines
    }, WAIT_MS)
  }

  /** What kubectl prints. */
  async kubectl(...args: readonly string[]): Promise<string> {
    const program = join(this.cluster.place.binaries, 'kubectl')
    const { stdout } = await promisify(execFile)(program, [
      `--kubeconfig=${this.cluster.kubeconfig}`,
      ...args,
    ])
    return stdout
  }

  /** What a command in the first container prints. */
  async output(name: string, ...command: readonly string[]): Promise<string> {
    const { status } = await this.read(name)
    const id = status.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? ''
    const { stdout } = await this.#ask((cri) => cri.execSync(id, command, 10_000))
    return Buffer.from(stdout).toString('utf8')
  }

  /** How much of a pod the runtime has. */
  running(name: string): Promise<{ readonly sandboxes: number; readonly containers: number }> {
    const labels = { 'io.kubernetes.pod.name': name }
    return this.#ask(async (cri) => ({
      sandboxes: (await cri.listPodSandboxes(labels)).length,
      containers: (await cri.listContainers(labels)).length,
    }))
  }

  async #ask<Answer>(question: (cri: CriClient) => Promise<Answer>): Promise<Answer> {
    const cri = new CriClient(this.machine.containerd.endpoint, () => undefined)
    try {
      return await question(cri)
    } finally {
      cri.close()
    }
  }

  async #client(): Promise<KubeClient> {
    const file = `${this.cluster.place.folder}/${NODE}.kubeconfig`
    const access = await kubeconfigAccess({ file })
    const client = new KubeClient({ access, userAgent: 'hawser-test', qps: 0, burst: 0 })
    const json = client.json.bind(client)
    client.json = (request: KubeRequest) => {
      const { method = 'GET', path } = request
      if (method !== 'GET') this.writes.push(`${method} ${path}`)
      return json(request)
    }
    return client
  }
}
