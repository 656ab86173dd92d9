import { isDeepStrictEqual } from 'node:util'
import type { KubeClient } from '../../kube/client.ts'
import type { KubeError } from '../../kube/error.ts'
import { isRecord, type KubeObject, objectKey } from '../../kube/kube-object.ts'
import { Reflector } from '../../kube/reflector.ts'
import type { Change } from '../../model/change.ts'
import { configOf } from '../../model/config-references.ts'
import { type ObjectName, objectName, splitObjectName } from '../../model/object-name.ts'
import type { Pod } from '../../model/pod.ts'
import type { Problem } from '../../model/problem.ts'
import type { Backoff } from '../../util/backoff.ts'
import type { Logger } from '../../util/logger.ts'
import { parsePod } from '../objects/pod.ts'
import type { SourceUpdate } from '../source-update.ts'
import { ConfigFollower, type ConfigIdentity } from './config-follower.ts'
import { nameOfKey } from './name-of-key.ts'
import { ObjectProblems } from './object-problems.ts'

export interface PodSourceOptions {
  readonly client: KubeClient
  /** Pods that are bound to it. */
  readonly nodeName: string
  readonly log: Logger
  /** Hears everything there is once, then what changed. Must not throw. */
  readonly onUpdate: (update: SourceUpdate) => void
  /** Hears of every write to a pod, also where nothing of it matters here. Must not throw. */
  readonly onWritten?: (name: ObjectName) => void
  readonly backoff?: Backoff
}

/** A core/v1 Pod. */
export type PodObject = Readonly<Record<string, unknown>>

/**
 * The pods that an API server has bound to a node, as a source of the model, and with them the ConfigMaps and Secrets
 * that they refer to: each is followed by its name, which is all that a node may do. A new pod is said when it is known
 * what is there of them.
 */
export class PodSource {
  readonly #options: PodSourceOptions
  readonly #problems = new ObjectProblems(() => this.#schedule())
  readonly #pods: Reflector<Pod>
  readonly #config = new Map<string, ConfigFollower>()
  /** What the API server has, by key: a node's pods are few. */
  readonly #written = new Map<string, PodObject>()
  /** Pods that changed and have not been said yet. */
  readonly #changed = new Set<string>()
  readonly #said = new Set<string>()
  readonly #configChanges = new Map<string, Change>()
  #begun = false
  #flush: NodeJS.Immediate | undefined
  #closed = false

  constructor(options: PodSourceOptions) {
    this.#options = options
    const { client, nodeName, log, backoff } = options
    this.#pods = new Reflector<Pod>({
      client,
      collection: {
        path: '/api/v1/pods',
        apiVersion: 'v1',
        kind: 'Pod',
        fieldSelector: `spec.nodeName=${nodeName}`,
      },
      decode: (object, before) => {
        const key = objectKey(object)
        this.#written.set(key, withoutManagedFields(object.written))
        const pod = { name: nameOfKey(key), uid: uidOf(object) }
        this.#options.onWritten?.(pod.name)
        // Under the same name, another pod's last good state is nobody's.
        const same = before?.uid === pod.uid ? before : undefined
        return unlessSame(before, this.#problems.settle(`Pod ${key}`, parsePod(object.written), same, pod))
      },
      onGone: (key) => {
        this.#written.delete(key)
        this.#problems.forget(`Pod ${key}`)
      },
      onChanges: (changes) => {
        for (const { key } of changes) this.#changed.add(key)
        this.#followConfig()
        this.#schedule()
      },
      log,
      ...(backoff === undefined ? {} : { backoff }),
    })
  }

  /** Everything has been said once. */
  get synced(): boolean {
    return this.#begun
  }

  /** Why what was said may be behind; undefined while everything is followed. */
  get problem(): KubeError | undefined {
    return this.#pods.problem
  }

  get problems(): readonly Problem[] {
    return this.#problems.all
  }

  pod(name: ObjectName): Pod | undefined {
    return this.#pods.objects.get(name)
  }

  /** The pod as the API server has it, but for who wrote what of it. */
  object(name: ObjectName): PodObject | undefined {
    return this.#written.get(name)
  }

  /** The pods as the API server has them, but for who wrote what of them. */
  get objects(): Iterable<PodObject> {
    return this.#written.values()
  }

  /** Nothing is said once this is called. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#flush !== undefined) clearImmediate(this.#flush)
    await Promise.all([this.#pods, ...this.#config.values()].map((followed) => followed.close()))
  }

  /** Follows what pods refer to now, and nothing else. */
  #followConfig(): void {
    const needed = new Map([...this.#pods.objects.values()].flatMap(configIdentities))
    for (const [key, follower] of this.#config) {
      if (needed.has(key)) continue
      this.#config.delete(key)
      void follower.close()
    }
    const { client, log, backoff } = this.#options
    for (const [key, identity] of needed) {
      if (this.#config.has(key)) continue
      const onChange = (change: Change): void => {
        this.#configChanges.set(key, change)
        this.#schedule()
      }
      const onSettled = (): void => this.#schedule()
      const options = { client, log, problems: this.#problems, onChange, onSettled }
      this.#config.set(
        key,
        new ConfigFollower(identity, { ...options, ...(backoff === undefined ? {} : { backoff }) }),
      )
    }
  }

  #schedule(): void {
    if (this.#closed || this.#flush !== undefined || !this.#pods.synced) return
    this.#flush = setImmediate(() => {
      this.#flush = undefined
      this.#say()
    })
  }

  #say(): void {
    const ready = [...this.#changed].filter((key) => this.#isReady(key))
    // The first time everything is said together: until then nobody can tell what is an orphan.
    if (!this.#begun && ready.length < this.#changed.size) return
    const changes: Change[] = [...this.#configChanges.values()]
    this.#configChanges.clear()
    for (const key of ready) {
      const pod = this.#pods.objects.get(key)
      this.#changed.delete(key)
      if (pod === undefined && !this.#said.delete(key)) continue
      if (pod !== undefined) this.#said.add(key)
      changes.push({ kind: 'Pod', name: nameOfKey(key), object: pod })
    }
    this.#options.onUpdate({ changes, problems: this.#problems.all })
    this.#begun = true
  }

  /** What it refers to is known to be there or not; one that was said before waits for nothing. */
  #isReady(key: string): boolean {
    const pod = this.#pods.objects.get(key)
    if (pod === undefined || this.#said.has(key)) return true
    return configIdentities(pod).every(([id]) => this.#config.get(id)?.settled !== false)
  }
}

function configIdentities(pod: Pod): (readonly [string, ConfigIdentity])[] {
  const { namespace } = splitObjectName(pod.name)
  return [...configOf(pod)].map((key) => {
    const [kind = '', name = ''] = key.split(' ')
    return [
      `${namespace} ${key}`,
      { kind: kind === 'Secret' ? 'Secret' : 'ConfigMap', name: objectName(namespace, name) },
    ] as const
  })
}

/** What others write into a pod's status, this node first of all, is no news of the pod. */
const unlessSame = (before: Pod | undefined, now: Pod | undefined): Pod | undefined =>
  isDeepStrictEqual(before, now) ? before : now

function uidOf({ written: { metadata } }: KubeObject): string {
  return isRecord(metadata) && typeof metadata.uid === 'string' ? metadata.uid : ''
}

function withoutManagedFields(written: PodObject): PodObject {
  const { metadata } = written
  return isRecord(metadata) ? { ...written, metadata: { ...metadata, managedFields: undefined } } : written
}
