import type { Container, ContainerStatus } from '../../src/gen/runtime.ts'
import { CriClient } from '../../src/kubelet/runtime/cri-client.ts'
import { TEST_IMAGE } from '../support/containerd-images.ts'
import { eventually } from '../support/eventually.ts'
import type { TestCluster } from './harness/test-cluster.ts'
import type { TestNode } from './harness/test-node.ts'

export const PODS = '/api/v1/namespaces/default/pods'

/** Ends at once when it is told to, with 0; as process 1 a shell ignores SIGTERM unless it traps it. */
export const SLEEP = 'trap "exit 0" TERM; while :; do sleep 1000 & wait; done'

/** Far above what anything here takes on a machine with much else to do. */
export const SETTLED_MS = 60_000

/** A container that runs a shell script; `more` is whatever else its specification says. */
export const shell = (script: string, more: object = {}): object => ({
  ...{ name: 'main', image: TEST_IMAGE, command: ['sh', '-c', script] },
  ...more,
})

/** What the API server has been told of a pod. */
export interface ToldPod {
  readonly phase: string
  readonly ready: string
  /** When `ready` became what it is. */
  readonly since: string
  readonly startTime: string
  readonly podIP: string
  readonly containers: readonly {
    readonly id: string
    readonly restarts: number
    /** Its last words, once it has ended. */
    readonly message: string
  }[]
}

/** Pods of namespace `default` on one node, as the API server has them and as the runtime has them. */
export class PodsOnNode {
  readonly #cluster: TestCluster
  readonly #node: TestNode
  readonly #runtime: CriClient

  constructor(cluster: TestCluster, node: TestNode) {
    this.#cluster = cluster
    this.#node = node
    this.#runtime = new CriClient(node.containerd.endpoint, () => undefined)
  }

  /** As if the scheduler had bound it. */
  async create(name: string, spec: object): Promise<void> {
    await this.#cluster.admin.json({
      ...{ method: 'POST', path: PODS },
      body: {
        metadata: { name },
        spec: { nodeName: this.#node.name, terminationGracePeriodSeconds: 1, ...spec },
      },
    })
  }

  async remove(name: string, options: object = {}): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options }
    await this.#cluster.admin.json({ method: 'DELETE', path: `${PODS}/${name}`, body })
  }

  async told(name: string): Promise<ToldPod> {
    const { status } = (await this.#cluster.admin.json({ path: `${PODS}/${name}` })) as PodObject
    const ready = status.conditions?.find(({ type }) => type === 'Ready')
    return {
      phase: status.phase,
      ready: ready?.status ?? '',
      since: ready?.lastTransitionTime ?? '',
      startTime: status.startTime ?? '',
      podIP: status.podIP ?? '',
      containers: inOrder(status.containerStatuses ?? []).map(
        ({ containerID = '', restartCount, state }) => ({
          id: containerID.replace('containerd://', ''),
          restarts: restartCount,
          message: state?.terminated?.message ?? '',
        }),
      ),
    }
  }

  whenReady(name: string): Promise<ToldPod> {
    return this.when(name, 'is ready', ({ ready }) => ready === 'True')
  }

  /** Resolves to the pod once it is as wanted; rejects with what it is instead and what its node has to say. */
  when(name: string, what: string, isSo: (pod: ToldPod) => boolean): Promise<ToldPod> {
    return eventually(async () => {
      const pod = await this.told(name)
      if (isSo(pod)) return pod
      throw new Error(
        `not true that ${name} ${what}: ${JSON.stringify(pod)}\n${await this.#node.lastWords()}`,
      )
    }, SETTLED_MS)
  }

  /** Neither the API server nor the runtime knows anything of it any more. */
  async whenGone(name: string): Promise<void> {
    await eventually(async () => {
      const there = await this.told(name).then(
        () => 'there',
        () => 'gone',
      )
      const left = await this.starts(name)
      if (there === 'gone' && left.length === 0) return true
      throw new Error(`pod ${name} is ${there}, in the runtime: containers ${left.join()}`)
    }, SETTLED_MS)
  }

  /** The numbers of all starts of a pod's containers that the runtime has: 0 is the first, none is there twice. */
  async starts(name: string): Promise<readonly number[]> {
    return (await this.#containers(name)).map(({ metadata }) => metadata?.attempt ?? -1).sort((a, b) => a - b)
  }

  /** How each run of the pod's containers came about, those left out that the runtime never got to begin. */
  async runs(name: string): Promise<readonly ContainerStatus[]> {
    const all = await Promise.all(
      (await this.#containers(name)).map(({ id }) => this.#runtime.containerStatus(id)),
    )
    return all.filter(({ startedAt }) => startedAt > 0n)
  }

  /** Runs a command in the pod's latest container; what it prints. */
  async exec(name: string, ...command: readonly string[]): Promise<string> {
    const latest = (await this.#containers(name)).reduce((a, b) =>
      (b.metadata?.attempt ?? 0) > (a.metadata?.attempt ?? 0) ? b : a,
    )
    const { stdout } = await this.#runtime.execSync(latest.id, command, SETTLED_MS)
    return Buffer.from(stdout).toString()
  }

  close(): void {
    this.#runtime.close()
  }

  #containers(pod: string): Promise<readonly Container[]> {
    return this.#runtime.listContainers({ 'io.kubernetes.pod.name': pod })
  }
}

/** Each kubelet has an order of its own. */
const inOrder = <Status extends { readonly name: string }>(statuses: readonly Status[]): readonly Status[] =>
  [...statuses].sort((a, b) => a.name.localeCompare(b.name))

interface PodObject {
  readonly status: {
    readonly phase: string
    readonly startTime?: string
    readonly podIP?: string
    readonly conditions?: readonly { type: string; status: string; lastTransitionTime: string }[]
    readonly containerStatuses?: readonly {
      name: string
      containerID?: string
      restartCount: number
      state?: { terminated?: { message?: string } }
    }[]
  }
}
