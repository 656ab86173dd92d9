import { totalmem } from 'node:os'
import { join } from 'node:path'
import { removeCgroup } from '../../src/kubelet/host/cgroups.ts'
import {
  type CriContext,
  containerConfig,
  podCgroup,
  sandboxConfig,
} from '../../src/kubelet/pods/cri-config.ts'
import { CriClient } from '../../src/kubelet/runtime/cri-client.ts'
import type { Container, Pod } from '../../src/model/pod.ts'
import type { PodStarter } from './starter.ts'

/** Marks pods of the floor, so that no kubelet takes them for its own. */
const scope = { kind: 'marked', owner: 'bench-floor' } as const

/**
 * The floor: the three CRI calls that no kubelet can do without, with the very requests that the kubelet makes of the
 * pod, less its mounts and environment.
 */
export class BareCri implements PodStarter {
  readonly #client: CriClient
  readonly #context: CriContext
  readonly #logs: string
  /** Sandbox IDs by pod UID. */
  readonly #sandboxes = new Map<string, string>()
  /** Starts and removals that have not settled. */
  readonly #underWay = new Set<Promise<void>>()

  constructor(endpoint: string, options: { readonly stateDir: string; readonly cgroupRoot: string }) {
    this.#client = new CriClient(endpoint, () => undefined)
    this.#logs = join(options.stateDir, 'logs')
    this.#context = {
      scope,
      cgroupRoot: options.cgroupRoot,
      nodeMemoryBytes: totalmem(),
      clusterDomain: 'cluster.local',
      seccompDir: '/var/lib/kubelet/seccomp',
    }
  }

  start(pod: Pod): Promise<void> {
    return this.#track(this.#start(pod))
  }

  remove(pod: Pod): Promise<void> {
    return this.#track(this.#remove(pod))
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay)
    for (const uid of [...this.#sandboxes.keys()]) await this.#removeSandbox(uid)
    this.#client.close()
    await removeCgroup(this.#context.cgroupRoot)
  }

  async #start(pod: Pod): Promise<void> {
    const sandbox = sandboxConfig(
      pod,
      { attempt: 0, logs: join(this.#logs, pod.uid), dns: { servers: [], searches: [], options: [] } },
      this.#context,
    )
    const sandboxId = await this.#client.runPodSandbox(sandbox)
    this.#sandboxes.set(pod.uid, sandboxId)
    for (const container of pod.containers) {
      const config = containerConfig(pod, container, firstRun(container), this.#context)
      await this.#client.startContainer(await this.#client.createContainer(sandboxId, config, sandbox))
    }
  }

  async #remove(pod: Pod): Promise<void> {
    await this.#removeSandbox(pod.uid)
    await removeCgroup(podCgroup(this.#context.cgroupRoot, pod.uid))
  }

  async #track(work: Promise<void>): Promise<void> {
    this.#underWay.add(work)
    try {
      await work
    } finally {
      this.#underWay.delete(work)
    }
  }

  async #removeSandbox(uid: string): Promise<void> {
    const sandboxId = this.#sandboxes.get(uid)
    if (sandboxId === undefined) return
    await this.#client.stopPodSandbox(sandboxId)
    await this.#client.removePodSandbox(sandboxId)
    this.#sandboxes.delete(uid)
  }
}

const firstRun = (container: Container) => ({
  attempt: 0,
  restartDelayMs: 0,
  imageId: container.image,
  environment: new Map<string, string>(),
  mounts: [],
})
