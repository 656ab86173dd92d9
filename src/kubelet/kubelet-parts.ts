import { mkdir, realpath, statfs } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import type { ConfigKind, ConfigLookup, ConfigObject } from '../model/config-object.ts'
import { type ObjectName, objectName, splitObjectName } from '../model/object-name.ts'
import type { Pod, ResourceAmounts } from '../model/pod.ts'
import { systemClock } from '../util/clock.ts'
import { errorMessage } from '../util/error-message.ts'
import { Limit } from '../util/limit.ts'
import type { Logger } from '../util/logger.ts'
import { admit, type Refusal } from './admission/admit.ts'
import { nodeDns } from './host/resolv-conf.ts'
import { ImageStore } from './images/image-store.ts'
import { registryCredentials } from './images/registry-credentials.ts'
import type { KubeletOptions } from './kubelet-options.ts'
import { KubeletMetrics } from './metrics.ts'
import { ownCgroup, ownerOf } from './owner.ts'
import { countPods } from './pods/counts.ts'
import { PodEffects } from './pods/effects.ts'
import { PodManager, type PodNews } from './pods/manager.ts'
import { PodMetrics } from './pods/pod-metrics.ts'
import { RuntimeRequests } from './pods/runtime-requests.ts'
import { createAsker } from './probes/asker.ts'
import { ProbeMetrics } from './probes/metrics.ts'
import { Prober } from './probes/prober.ts'
import { CriClient } from './runtime/cri-client.ts'
import { isOursToEnd, type PodScope } from './runtime/pod-scope.ts'
import { Relister } from './runtime/relister.ts'
import type { RuntimeSnapshot } from './runtime/snapshot.ts'
import { SnapshotClock } from './runtime/snapshot-clock.ts'
import { KnownServices } from './services.ts'
import { PodVolumes } from './volumes/pod-volumes.ts'

/** Of pods that have a name in the DNS of a cluster that nobody has named. */
const CLUSTER_DOMAIN = 'cluster.local'
/** Programs of probes that run at a time: each costs a process in a container, and the node's CPU is the pods'. */
const EXEC_PROBES = 10

/** What is there of each kind; one that is gone is undefined. */
export type ConfigObjects = Readonly<Record<ConfigKind, Map<ObjectName, ConfigObject | undefined>>>

/** What a Kubelet is made of. */
export interface KubeletParts {
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

/** Connects and reads what runs. Rejects with a RuntimeError when the runtime does not answer. */
export async function assemble(options: KubeletOptions): Promise<KubeletParts> {
  const { endpoint, nodeName, nodeAddresses, log } = options
  const clock = options.clock ?? systemClock
  await mkdir(options.stateDir, { recursive: true, mode: 0o711 })
  const stateDir = await realpath(options.stateDir)
  const owner = ownerOf(stateDir)
  const scope: PodScope = options.pods === 'node' ? { kind: 'node' } : { kind: 'marked', owner }
  const cgroupRoot = ownCgroup(owner)
  const known: ConfigObjects = { ConfigMap: new Map(), Secret: new Map() }
  const config: ConfigLookup = (kind, name) => known[kind].get(name)
  const node = await forPods(options, stateDir)
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
  const requests = new RuntimeRequests({
    ...{ client, volumes, nodeName, nodeAddresses, config, services, node },
    context: { scope, cgroupRoot, nodeMemoryBytes: totalmem(), clusterDomain, seccompDir },
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
      admit: admission(options),
      onEvents: (reports) => {
        for (const report of reports) options.onEvent?.(report)
      },
      metrics: new PodMetrics(options.registry, clock),
    },
    firstSnapshot ?? { sequence: 0, pods: new Map() },
  )
  return { client, relister, manager, volumes, cgroupRoot, config: known, services, listeners, log }
}

/** What a container that has no limit is told that it may use: what the node has for pods. */
async function forPods({ room }: KubeletOptions, stateDir: string): Promise<ResourceAmounts> {
  if (room !== undefined) {
    const { cpuMilli, memoryBytes, storageBytes } = room().allocatable
    return { cpuMilli, memoryBytes, ephemeralStorageBytes: storageBytes }
  }
  const { blocks, bsize } = await statfs(stateDir)
  return {
    cpuMilli: availableParallelism() * 1000,
    memoryBytes: totalmem(),
    ephemeralStorageBytes: blocks * bsize,
  }
}

/** Whether a pod is let in; what cannot be said is no. */
const admission =
  ({ room }: KubeletOptions) =>
  (pod: Pod, others: readonly Pod[]): Refusal | undefined => {
    try {
      return room === undefined ? undefined : admit(pod, others, room())
    } catch (error) {
      return { reason: 'UnexpectedAdmissionError', message: errorMessage(error) }
    }
  }
