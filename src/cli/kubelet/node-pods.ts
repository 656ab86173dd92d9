import type { KubeClient } from '../../kube/client.ts'
import { isMirror, MirrorPods, mirrors } from '../../kubelet/api/mirror-pods.ts'
import type { NodeLabels } from '../../kubelet/api/node-labels.ts'
import type { PodEventRecorder } from '../../kubelet/api/pod-event-recorder.ts'
import { StatusWriter } from '../../kubelet/api/status-writer.ts'
import { isEnding } from '../../kubelet/api/told-pod.ts'
import { ofPod, warning } from '../../kubelet/events/pod-event-report.ts'
import type { Kubelet } from '../../kubelet/kubelet.ts'
import type { NodeIdentity } from '../../kubelet/node/node-object.ts'
import type { Change } from '../../model/change.ts'
import type { ObjectName } from '../../model/object-name.ts'
import type { Pod } from '../../model/pod.ts'
import { formatProblem, type Problem } from '../../model/problem.ts'
import { type PodObject, PodSource } from '../../sources/api/pod-source.ts'
import type { SourceUpdate } from '../../sources/source-update.ts'
import { StaticPodSource } from '../../sources/static/static-pod-source.ts'
import { systemClock } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Teardown } from '../process/teardown.ts'

export interface NodePodsOptions {
  readonly client: KubeClient
  readonly kubelet: Kubelet
  readonly labels: NodeLabels
  readonly events: Pick<PodEventRecorder, 'report'>
  readonly identity: Pick<NodeIdentity, 'name' | 'addresses'>
  readonly runtimeName: string
  /** Undefined while the Node is not registered. */
  readonly nodeUid: () => string | undefined
  /** Undefined: the node has no pods of its own. */
  readonly manifests?: string | undefined
  readonly log: Logger
}

/**
 * Has the pods of this node run: those of its own folder at once, those that the API server binds to it from `follow` on;
 * and has the API server hear how all of them are.
 */
export class NodePods {
  readonly #options: NodePodsOptions
  readonly #writer: StatusWriter
  readonly #mirrors: MirrorPods
  readonly #problems = new Map<string, ReadonlySet<string>>()
  /** UIDs of the mirrors that static pods are told through. */
  readonly #shownAs = new Map<ObjectName, string>()
  #static: StaticPodSource | undefined
  #source: PodSource | undefined

  private constructor(options: NodePodsOptions) {
    this.#options = options
    const { client, log, nodeUid, runtimeName } = options
    const { name: nodeName, addresses } = options.identity
    const found = (name: ObjectName) => this.#source?.pod(name)
    this.#writer = new StatusWriter({
      ...{ client, log, runtimeName, hostIPs: addresses },
      pod: (name, uid) => this.#standsFor(name, uid),
      written: (name) => this.#source?.object(name),
    })
    this.#mirrors = new MirrorPods({
      ...{ client, log, nodeName, nodeUid, found },
      wanted: (name) => {
        const own = this.#static?.pods.get(name)
        return own === undefined ? undefined : { uid: own.pod.uid, object: own.object }
      },
    })
  }

  /** Runs the node's own pods; nothing is asked of the API server yet. */
  static async open(options: NodePodsOptions, teardown: Teardown): Promise<NodePods> {
    const pods = new NodePods(options)
    const { kubelet, manifests: folder, identity } = options
    teardown.add('reports on pods', () => pods.#writer.close())
    kubelet.onStatus((news) => pods.#writer.take(news))
    if (folder === undefined) return pods
    const opened = await StaticPodSource.open({
      ...{ folder, nodeName: identity.name, now: systemClock.now },
      onUpdate: (update) => pods.#takeStatic(update),
    })
    pods.#static = opened
    teardown.add('the watch on static pods', async () => opened.close())
    return pods
  }

  /** Pods of the API server as they are written; none before `follow`. */
  get objects(): Iterable<PodObject> {
    return this.#source?.objects ?? []
  }

  /** Runs what is bound to this node, too. The Node is registered. */
  follow(teardown: Teardown): void {
    const { client, identity, log } = this.#options
    const nodeName = identity.name
    const source = new PodSource({
      ...{ client, nodeName, log },
      onUpdate: (update) => this.#take(update),
      onWritten: (name) => this.#writer.compare(name),
    })
    this.#source = source
    teardown.add('mirrors of static pods', () => this.#mirrors.close())
    teardown.add('the watch on pods', () => source.close())
  }

  #take({ changes, problems }: SourceUpdate): void {
    const { kubelet, labels } = this.#options
    const isFirst = this.#source?.synced !== true
    const own = changes.filter((change) => !this.#isOfMirror(change))
    const pods = own.flatMap(({ kind, object }) => (kind === 'Pod' && object !== undefined ? [object] : []))
    labels.whenKnown(pods, () => {
      kubelet.apply(own)
      if (isFirst) kubelet.ready()
    })
    this.#complain('api', problems)
    this.#endUnreadable(problems)
    // Mirrors that are missing are seen only when all that is there is known.
    if (isFirst) for (const name of this.#static?.pods.keys() ?? []) this.#lookAtMirror(name)
    for (const change of changes) if (this.#isOfMirror(change)) this.#lookAtMirror(change.name)
  }

  /** Of a pod that cannot be read nothing was ever made here. */
  #endUnreadable(problems: readonly Problem[]): void {
    for (const { pod } of problems) {
      if (pod === undefined || this.#source?.pod(pod.name) !== undefined) continue
      if (isEnding(this.#source?.object(pod.name), pod.uid))
        this.#writer.take({ removed: pod.name, uid: pod.uid })
    }
  }

  #takeStatic({ changes, problems }: SourceUpdate): void {
    this.#options.kubelet.apply(changes)
    this.#complain('static', problems)
    if (this.#source?.synced === true) for (const { name } of changes) this.#lookAtMirror(name)
  }

  #lookAtMirror(name: ObjectName): void {
    // Without a folder nobody knows which static pods a former kubelet left running, and with them their mirrors.
    if (this.#options.manifests === undefined) return
    this.#mirrors.look(name)
    const own = this.#static?.pods.get(name)?.pod
    const mirror = own === undefined ? undefined : this.#standsFor(name, own.uid)
    if (own === undefined || mirror === undefined || mirror === 'later') {
      this.#shownAs.delete(name)
      return
    }
    if (this.#shownAs.get(name) !== mirror.uid) this.#writer.retell(own.uid)
    this.#shownAs.set(name, mirror.uid)
  }

  /** A pod that nobody runs. Names of static pods are theirs, whatever the API server has there. */
  #isOfMirror({ kind, name, object }: Change): boolean {
    if (kind !== 'Pod') return false
    return this.#static?.pods.has(name) === true || (object !== undefined && isMirror(object))
  }

  #standsFor(name: ObjectName, uid: string): Pod | 'later' | undefined {
    const found = this.#source?.pod(name)
    if (this.#static?.pods.get(name)?.pod.uid === uid)
      return found !== undefined && mirrors(found, uid) ? found : 'later'
    return found?.uid === uid ? found : undefined
  }

  /** Each is said once, when it comes up. */
  #complain(source: string, problems: readonly Problem[]): void {
    const lines = problems.map(formatProblem)
    const said = this.#problems.get(source)
    const { log, events } = this.#options
    problems.forEach((problem, index) => {
      const line = lines[index] ?? ''
      if (said?.has(line) === true) return
      log.error({}, line)
      const { pod, reason } = problem
      if (pod !== undefined)
        events.report(ofPod({ ...pod, pod: undefined }, warning('FailedValidation', reason)))
    })
    this.#problems.set(source, new Set(lines))
  }
}
