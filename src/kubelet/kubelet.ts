import { setTimeout as sleep } from 'node:timers/promises'
import type { Change, ChangeOf } from '../model/change.ts'
import type { ConfigKind } from '../model/config-object.ts'
import type { ObjectName } from '../model/object-name.ts'
import type { PodStatus } from '../model/pod-status.ts'
import { errorMessage } from '../util/error-message.ts'
import type { Logger } from '../util/logger.ts'
import { inOrder } from './admission/order.ts'
import { removeCgroup, removeEmptyCgroup } from './host/cgroups.ts'
import { KubeletError } from './kubelet-error.ts'
import type { KubeletOptions } from './kubelet-options.ts'
import { assemble, type ConfigObjects, type KubeletParts } from './kubelet-parts.ts'
import { removeLeftovers } from './leftovers.ts'
import { CGROUP_PARENT } from './owner.ts'
import type { PodManager, PodNews } from './pods/manager.ts'
import type { CriClient } from './runtime/cri-client.ts'
import type { Relister } from './runtime/relister.ts'
import type { RuntimeSnapshot } from './runtime/snapshot.ts'
import { PodAccess } from './server/pod-access.ts'
import type { KnownServices } from './services.ts'
import type { PodVolumes } from './volumes/pod-volumes.ts'

export type { KubeletOptions } from './kubelet-options.ts'
export type { PodNews } from './pods/manager.ts'

export interface ExecResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** The longest grace period that {@link Kubelet.removeAll} grants when none is given, in s. */
const REMOVE_GRACE_SECONDS = 30
/** What removing takes beyond the grace period, in ms. */
const REMOVE_MS = 120_000
/** How long closing waits for steps under way, in ms. */
const CLOSE_MS = 5_000

/** Runs pods on a container runtime. Pods, ConfigMaps and Secrets go in as changes, statuses come out. */
export class Kubelet {
  /** Logs of pods, and sessions in their containers. */
  readonly access: PodAccess
  readonly #client: CriClient
  readonly #relister: Relister
  readonly #manager: PodManager
  readonly #volumes: PodVolumes
  readonly #cgroupRoot: string
  readonly #config: ConfigObjects
  readonly #services: KnownServices
  readonly #listeners: Set<(news: PodNews) => void>
  readonly #log: Logger

  private constructor(parts: KubeletParts) {
    this.#client = parts.client
    this.#relister = parts.relister
    this.#manager = parts.manager
    this.#volumes = parts.volumes
    this.#cgroupRoot = parts.cgroupRoot
    this.#config = parts.config
    this.#services = parts.services
    this.#listeners = parts.listeners
    this.#log = parts.log
    this.access = new PodAccess({
      known: () => this.#manager.actors,
      onNews: (listener) => this.onStatus(listener),
      client: this.#client,
      folderOf: (pod) => this.#volumes.folderOf(pod),
    })
  }

  /** Connects and reads what runs. Rejects with a RuntimeError when the runtime does not answer. */
  static async open(options: KubeletOptions): Promise<Kubelet> {
    return new Kubelet(await assemble(options))
  }

  /** Takes Pods, ConfigMaps, Secrets and Services; other kinds are not its business. Never throws, returns at once. */
  apply(changes: readonly Change[]): void {
    // A pod sees what came with it.
    for (const change of changes)
      if (isConfig(change)) this.#config[change.kind].set(change.name, change.object)
      else if (change.kind === 'Service') this.#services.set(change.name, change.object)
    for (const change of inOrder(changes, (uid) => this.#relister.snapshot?.pods.has(uid) === true)) {
      if (change.kind === 'Pod') this.#manager.set(change.name, change.object)
      else if (isConfig(change)) this.#manager.configChanged(change)
    }
  }

  /** Every Service that there is has been said once. Harmless when repeated. */
  servicesComplete(): void {
    if (this.#services.isComplete) return
    this.#services.complete()
    this.#manager.servicesComplete()
  }

  /** Files of the pod's volumes are to be written anew though nothing of it has changed: a token is due. */
  renewVolumes(uid: string): void {
    this.#manager.renewVolumes(uid)
  }

  /** The source has said its first full state. Until then no pod is taken for an orphan. */
  ready(): void {
    this.#manager.sourceReady()
    removeLeftovers(this.#volumes, this.#cgroupRoot, (uid) => this.#isNeeded(uid)).catch((error: unknown) =>
      this.#log.warn(
        { error: errorMessage(error) },
        'Something that former pods left on disk cannot be removed',
      ),
    )
  }

  /** What the runtime has of the pods, as it was last read; undefined before that. */
  get snapshot(): RuntimeSnapshot | undefined {
    return this.#relister.snapshot
  }

  /** How long ago that was, in ms. */
  get snapshotAgeMs(): number {
    return this.#relister.ageMs
  }

  /** Where pods' cgroups lie in each hierarchy. */
  get cgroupRoot(): string {
    return this.#cgroupRoot
  }

  statuses(): readonly PodStatus[] {
    return [...this.#manager.actors].map(({ status }) => status)
  }

  /** Calls back at every change of a pod's status; returns what ends that. */
  onStatus(listener: (news: PodNews) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Runs a command in a running container. Throws a {@link KubeletError} without one, a RuntimeError when it fails. */
  async execSync(
    pod: ObjectName,
    container: string,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<ExecResult> {
    const records = [...this.#manager.actors]
      .filter(({ state }) => state.name === pod)
      .flatMap(({ state }) => state.records.containers)
    const running = records.find(({ name, state }) => name === container && state === 'running')
    if (running === undefined) {
      throw new KubeletError(
        'CONTAINER_NOT_RUNNING',
        `exec in ${pod}: no container ${container} runs there (see the pod's status)`,
      )
    }
    const { exitCode, stdout, stderr } = await this.#client.execSync(running.id, command, timeoutMs)
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8')
    return { exitCode, stdout: text(stdout), stderr: text(stderr) }
  }

  /**
   * Ends every pod, each with its grace period but at most `maxGraceSeconds`, and removes what is left of them anywhere.
   * Rejects with a {@link KubeletError} when some do not go.
   */
  async removeAll(maxGraceSeconds = REMOVE_GRACE_SECONDS): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const limitMs = REMOVE_MS + maxGraceSeconds * 1_000
      timer = setTimeout(() => reject(this.#podsRemain(limitMs)), limitMs)
    })
    try {
      await Promise.race([this.#manager.removeAll(maxGraceSeconds), late])
    } finally {
      clearTimeout(timer)
    }
    await removeLeftovers(this.#volumes, this.#cgroupRoot, () => false)
    await removeCgroup(this.#cgroupRoot)
    await removeEmptyCgroup(CGROUP_PARENT)
  }

  /** Lets go of everything; pods keep running, and the next Kubelet of this state folder adopts them. */
  async close(): Promise<void> {
    this.#relister.close()
    // A call cut off halfway would undo what it has begun; one that takes its time is cut off all the same.
    await Promise.race([this.#manager.close(), sleep(CLOSE_MS, undefined, { ref: false })])
    this.#client.close()
  }

  #isNeeded(uid: string): boolean {
    return this.#manager.isKnown(uid) || this.#relister.snapshot?.pods.has(uid) === true
  }

  #podsRemain(limitMs: number): KubeletError {
    const names = this.statuses().map(({ name, message }) => (message === '' ? name : `${name}: ${message}`))
    return new KubeletError(
      'PODS_REMAIN',
      `removing all pods: after ${limitMs / 1_000} s there still are ${names.join(', ')} (see the runtime's log)`,
    )
  }
}

const isConfig = (change: Change): change is ChangeOf<ConfigKind> =>
  change.kind === 'ConfigMap' || change.kind === 'Secret'
