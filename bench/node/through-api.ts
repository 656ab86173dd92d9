import type { KubeClient } from '../../src/kube/client.ts'
import { pauseImageName } from '../../src/kubelet/images/pause-image.ts'
import type { NodeWrites } from './audit.ts'
import type { NodeContestant } from './contest.ts'
import { PODS, type PodWatch } from './pod-watch.ts'

/** A hundred times what a pod takes. */
const LIMIT_MS = 120_000

export interface ThroughApiOptions {
  readonly client: KubeClient
  readonly watch: PodWatch
  readonly account: NodeWrites
  /** Name of the Node, and of the contestant. */
  readonly name: string
  readonly pid: number
}

/** Pods as anybody makes them: created at the API server, bound by the scheduler, run by the kubelet of one node. */
export class ThroughApi implements NodeContestant {
  readonly name: string
  readonly pid: number
  readonly #options: ThroughApiOptions

  constructor(options: ThroughApiOptions) {
    this.name = options.name
    this.pid = options.pid
    this.#options = options
  }

  /** The time begins with the first one bound, and ends when the last is reported Running. */
  async start(names: readonly string[]): Promise<number> {
    const { watch } = this.#options
    await Promise.all(names.map((name) => this.#create(name)))
    await watch.all(names, 'runningAt', LIMIT_MS)
    const timelines = names.map((name) => watch.timeline(name))
    const bound = Math.min(...timelines.map(({ boundAt = Number.NaN }) => boundAt))
    const running = Math.max(...timelines.map(({ runningAt = Number.NaN }) => runningAt))
    return running - bound
  }

  async remove(names: readonly string[]): Promise<void> {
    const { client, watch } = this.#options
    await Promise.all(names.map((name) => client.json({ method: 'DELETE', path: `${PODS}/${name}` })))
    await watch.all(names, 'goneAt', LIMIT_MS)
  }

  writes(): Promise<number> {
    return this.#options.account.of(this.name)
  }

  /** An ordinary pod that does the least there is; it has the token that every pod has unless it says otherwise. */
  #create(name: string): Promise<unknown> {
    const spec = {
      nodeSelector: { 'kubernetes.io/hostname': this.name },
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', image: pauseImageName, imagePullPolicy: 'IfNotPresent' }],
    }
    const body = { metadata: { name }, spec }
    return this.#options.client.json({ method: 'POST', path: PODS, body })
  }
}
