import { mkdir, realpath, statfs } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Registry } from '../metrics/registry.ts'
import type { Change, ChangeOf } from '../model/change.ts'
import type { ConfigKind, ConfigLookup, ConfigObject } from '../model/config-object.ts'
import { type ObjectName, objectName, splitObjectName } from '../model/object-name.ts'
import type { PodStatus } from '../model/pod-status.ts'
import type { IpAddress } from '../util/address.ts'
import { type Clock, systemClock } from '../util/clock.ts'
import { errorMessage } from '../util/error-message.ts'
import { Limit } from '../util/limit.ts'
import type { Logger } from '../util/logger.ts'
import { admit, type NodeRoom } from './admission/admit.ts'
import { inOrder } from './admission/order.ts'
import type { PodEventReport } from './events/pod-event-report.ts'
import { removeCgroup, removeEmptyCgroup } from './host/cgroups.ts'
import { nodeDns } from './host/resolv-conf.ts'
import { ImageStore } from './images/image-store.ts'
import { registryCredentials } from './images/registry-credentials.ts'
import { KubeletError } from './kubelet-error.ts'
import { removeLeftovers } from './leftovers.ts'
import { KubeletMetrics } from './metrics.ts'
import { CGROUP_PARENT, ownCgroup, ownerOf } from './owner.ts'
import { countPods } from './pods/counts.ts'
import { PodEffects } from './pods/effects.ts'
import { PodManager, type PodNews } from './pods/manager.ts'
import type { ClusterDns } from './pods/pod-dns.ts'
import { PodMetrics } from './pods/pod-metrics.ts'
import { PodRequests } from './pods/pod-requests.ts'
import { createAsker } from './probes/asker.ts'
import { ProbeMetrics } from './probes/metrics.ts'
import { Prober } from './probes/prober.ts'
import { CriClient } from './runtime/cri-client.ts'
import { isOursToEnd, type PodScope } from './runtime/pod-scope.ts'
import { Relister } from './runtime/relister.ts'
import type { RuntimeSnapshot } from './runtime/snapshot.ts'
import { SnapshotClock } from './runtime/snapshot-clock.ts'
import { PodAccess } from './server/pod-access.ts'
import { KnownServices } from './services.ts'
import { PodVolumes } from './volumes/pod-volumes.ts'
import type { TokenSource } from './volumes/token-source.ts'

export type { PodNews } from './pods/manager.ts'

export interface KubeletOptions {
  /** CRI socket: `unix:///absolute/path.sock`. */
  readonly endpoint: string
  /** Absolute. Pods' volumes and logs lie in it; which pods are ours is told by it, too. */
  readonly stateDir: string
  readonly nodeName: string
  readonly nodeAddresses: readonly IpAddress[]
  readonly registry: Registry
  readonly log: Logger
  readonly clock?: Clock
  /** Where service account tokens come from; without it no pod can have one. */
  readonly tokens?: TokenSource
  /** Undefined where there is no cluster: pods look up names as the node does. */
  readonly clusterDns?: ClusterDns
  /** How the node looks up names; empty: it does not. By default that is found out. */
  readonly resolvConf?: string
  /** No container is made before {@link Kubelet.servicesComplete} is called, since it is told of Services. */
  readonly waitsForServices?: boolean
  /**
   * Which of the runtime's pods it is for. `own`: those that it made itself, told by its state folder (the default);
   * `node`: all that kubelets of this node made, as a cluster's kubelet is.
   */
  readonly pods?: 'own' | 'node'
  /** It is told of static pods too, so that those of the runtime that it is not told of are to end. */
  readonly knowsStaticPods?: boolean
  /** Where answers to probes are counted; by default with everything else. */
  readonly probeRegistry?: Registry
  /** Hears when the runtime stops answering. */
  readonly onRuntimeAway?: () => void
  /** Absolute folder of containers' logs; by default one in the state folder. */
  readonly logsDir?: string
  /** What pods have to fit into; undefined: whatever is wanted is tried. */
  readonly room?: () => NodeRoom
  /** Hears what people are to be told of pods. */
  readonly onEvent?: (event: PodEventReport) => void
}

export interface ExecResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** The longest grace period that {@link Kubelet.removeAll} grants when none is given, in s. */
const REMOVE_GRACE_SECONDS = 30
/** Of pods that have a name in the DNS of a cluster that nobody has named. */
const CLUSTER_DOMAIN = 'cluster.local'
/** What removing takes beyond the grace period, in ms. */
const REMOVE_MS = 120_000
/** Programs of probes that run at a time: each costs a process in a container, and the node's CPU is the pods'. */
const EXEC_PROBES = 10
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

/** What is there of each kind; one that is gone is undefined. */
type ConfigObjects = Readonly<Record<ConfigKind, Map<ObjectName, ConfigObject | undefined>>>

const isConfig = (change: Change): change is ChangeOf<ConfigKind> =>
  change.kind === 'ConfigMap' || change.kind === 'Secret'

interface KubeletParts {
  readonly client: CriClient
  readonly relister: Relister
  readonly manager: PodManager
  readonly volumes: PodVolumes
  readonly cgroupRoot: string
  readonly config: ConfigObjects
  readonly services: KnownServices
  readonly listeners: Set<(news: PodNews) => void>
  readonly log: Logger
}

async function assemble(options: KubeletOptions): Promise<KubeletParts> {
  const { endpoint, nodeName, nodeAddresses, log } = options
  const clock = options.clock ?? systemClock
  await mkdir(options.stateDir, { recursive: true, mode: 0o711 })
  const stateDir = await realpath(options.stateDir)
  const owner = ownerOf(stateDir)
  const scope: PodScope = options.pods === 'node' ? { kind: 'node' } : { kind: 'marked', owner }
  const cgroupRoot = ownCgroup(owner)
  const known: ConfigObjects = { ConfigMap: new Map(), Secret: new Map() }
  const config: ConfigLookup = (kind, name) => known[kind].get(name)
  const { blocks, bsize } = await statfs(stateDir)
  const node = {
    cpuMilli: availableParallelism() * 1000,
    memoryBytes: totalmem(),
    ephemeralStorageBytes: blocks * bsize,
  }
  const listeners = new Set<(news: PodNews) => void>()

  let manager: PodManager | undefined
  const metrics = new KubeletMetrics(options.registry, () => countPods(manager?.actors ?? []))
  const client = new CriClient(endpoint, (...call) => metrics.observeOperation(...call))
  const snapshotClock = new SnapshotClock()
  let firstSnapshot: RuntimeSnapshot | undefined
  const relister = new Relister({
    client,
    scope,
    clock: snapshotClock,
    onSnapshot: (snapshot) => {
      firstSnapshot ??= snapshot
      manager?.onSnapshot(snapshot)
    },
    onAway: () => {
      manager?.onRuntimeAway()
      options.onRuntimeAway?.()
    },
    observe: (...reading) => metrics.observeRelist(...reading),
    log,
  })
  const places = { stateDir, logsDir: options.logsDir ?? join(stateDir, 'logs') }
  const { clusterDns, resolvConf, tokens } = options
  const clusterDomain = clusterDns?.domain ?? CLUSTER_DOMAIN
  const volumes = new PodVolumes({ places, config, node, tokens, clusterDomain })
  const services = new KnownServices(options.waitsForServices !== true)
  const seccompDir = join(stateDir, 'seccomp')
  const requests = new PodRequests({
    ...{ client, volumes, nodeName, nodeAddresses, config, services, node },
    context: { scope, cgroupRoot, nodeMemoryBytes: node.memoryBytes, clusterDomain, seccompDir },
    dns: async () => ({
      cluster: clusterDns,
      host: resolvConf === '' ? undefined : await nodeDns(resolvConf),
      nodeAddresses,
    }),
  })
  const effects = new PodEffects({ client, volumes, requests, cgroupRoot, clock })
  try {
    await relister.start()
  } catch (error) {
    relister.close()
    client.close()
    throw error
  }
  manager = new PodManager(
    {
      effects,
      images: new ImageStore(client, clock),
      credentials: ({ name, imagePullSecrets }, image) =>
        registryCredentials(
          image,
          imagePullSecrets.flatMap(
            (secret) => config('Secret', objectName(splitObjectName(name).namespace, secret)) ?? [],
          ),
        ),
      prober: new Prober({
        ask: createAsker(client, new Limit(EXEC_PROBES)),
        clock,
        metrics: new ProbeMetrics(options.probeRegistry ?? options.registry),
      }),
      clock,
      snapshotClock,
      nodeAddresses,
      relist: () => relister.request(),
      isOursToEnd: (sandbox) =>
        isOursToEnd(scope, sandbox, {
          hasFolder: volumes.has(sandbox.podUid),
          knowsStaticPods: options.knowsStaticPods === true,
        }),
      log,
      onNews: (news) => {
        for (const listener of listeners) {
          try {
            listener(news)
          } catch (error) {
            log.error({ error: errorMessage(error) }, "A listener to pods' statuses failed")
          }
        }
      },
      admit: (pod, others) => (options.room === undefined ? undefined : admit(pod, others, options.room())),
      onEvents: (reports) => {
        for (const report of reports) options.onEvent?.(report)
      },
      metrics: new PodMetrics(options.registry, clock),
    },
    firstSnapshot ?? { sequence: 0, pods: new Map() },
  )
  return { client, relister, manager, volumes, cgroupRoot, config: known, services, listeners, log }
}
