import type { ObjectName } from '../../model/object-name.ts'
import type { Pod } from '../../model/pod.ts'
import type { PodStatus } from '../../model/pod-status.ts'
import type { Refusal } from '../admission/admit.ts'
import { ofPod, warning } from '../events/pod-event-report.ts'
import { NO_RECORDS, type PodRecords, type SandboxRecord } from '../runtime/records.ts'
import type { RuntimeSnapshot } from '../runtime/snapshot.ts'
import { type ActorContext, PodActor } from './actor.ts'
import { refused, toldConclusion } from './conclusion.ts'
import { podOutcome } from './outcome.ts'
import type { ConfigIdentity } from './pod-event.ts'
import { type Conclusion, initialPodState, type PodState } from './pod-state.ts'

/** A pod's news: what it is now, or that nothing is left of it. */
export type PodNews = PodStatus | { readonly removed: ObjectName; readonly uid: string }

export type ManagerContext = Omit<ActorContext, 'onStatus' | 'onRemoved'> & {
  readonly onNews: (news: PodNews) => void
  /** Whether a pod is let in beside the others; undefined when it is. */
  readonly admit: (pod: Pod, others: readonly Pod[]) => Refusal | undefined
  /** Whether a pod that only the runtime knows is to be ended. */
  readonly isOursToEnd: (sandbox: SandboxRecord) => boolean
}

/** It needs a snapshot even of the same records. */
const isWaiting = ({ runtimeAway, inDoubt, missedSnapshot }: PodState): boolean =>
  runtimeAway || inDoubt || missedSnapshot

/** It takes room on the node. */
const isActive = (state: PodState): state is PodState & { readonly pod: Pod } =>
  state.pod !== undefined &&
  state.concluded === undefined &&
  podOutcome(state.pod, state.records) === undefined

/**
 * Which pods there are. One actor a UID; under one name, the next pod waits until nothing is left of the one before.
 * Pods that only the runtime knows get an actor too, which ends them.
 */
export class PodManager {
  readonly #context: ManagerContext
  readonly #desired = new Map<ObjectName, Pod>()
  readonly #actors = new Map<string, PodActor>()
  readonly #actorContext: ActorContext
  /** When actors of pods were done, by UID, until a snapshot is younger: older ones still show what was removed. */
  readonly #removedAt = new Map<string, number>()
  /** When pods that have not started yet were first seen, by UID. */
  readonly #starting = new Map<string, number>()
  /** Pods of others, by UID: each is spoken of once. */
  readonly #leftAlone = new Set<string>()
  #snapshot: RuntimeSnapshot
  #sourceReady = false
  #whenEmpty: (() => void) | undefined

  constructor(context: ManagerContext, snapshot: RuntimeSnapshot) {
    this.#context = context
    this.#snapshot = snapshot
    this.#actorContext = {
      ...context,
      onStatus: (actor, status) => this.#onStatus(actor, status),
      onRemoved: (actor) => this.#onRemoved(actor),
    }
  }

  get actors(): Iterable<PodActor> {
    return this.#actors.values()
  }

  /** A pod as it should be, or undefined when it should not be. */
  set(name: ObjectName, pod: Pod | undefined): void {
    const before = this.#desired.get(name)
    if (pod === undefined) this.#desired.delete(name)
    else this.#desired.set(name, pod)
    if (before !== undefined && before.uid !== pod?.uid) this.#terminate(before)
    if (pod === undefined) return
    this.#run(pod)
    if (pod.deletion !== undefined) this.#terminate(pod)
  }

  configChanged(config: ConfigIdentity): void {
    for (const actor of this.#actors.values()) actor.tell({ kind: 'configChanged', config })
  }

  servicesComplete(): void {
    for (const actor of this.#actors.values()) actor.tell({ kind: 'servicesComplete' })
  }

  renewVolumes(uid: string): void {
    this.#actors.get(uid)?.tell({ kind: 'volumesOutdated' })
  }

  /** The source has said all there is: what the runtime has beyond that is nobody's. */
  sourceReady(): void {
    this.#sourceReady = true
    this.#adoptOrphans()
  }

  isKnown(uid: string): boolean {
    return this.#actors.has(uid) || [...this.#desired.values()].some((pod) => pod.uid === uid)
  }

  onSnapshot(snapshot: RuntimeSnapshot): void {
    this.#snapshot = snapshot
    for (const [uid, removedAt] of this.#removedAt) {
      if (removedAt < snapshot.sequence) this.#removedAt.delete(uid)
    }
    for (const [uid, actor] of this.#actors) {
      const records = snapshot.pods.get(uid) ?? NO_RECORDS
      if (records === actor.state.records && !isWaiting(actor.state)) continue
      actor.tell({ kind: 'observed', records, sequence: snapshot.sequence })
    }
    if (this.#sourceReady) this.#adoptOrphans()
  }

  onRuntimeAway(): void {
    for (const actor of this.#actors.values()) actor.tell({ kind: 'runtimeAway' })
  }

  /** Ends every pod, those of nobody too; resolves when nothing is left. */
  async removeAll(maxGraceSeconds: number): Promise<void> {
    for (const pod of this.#desired.values()) this.#terminate(pod, maxGraceSeconds)
    this.#desired.clear()
    this.#adoptOrphans()
    if (this.#actors.size === 0) return
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve
    })
  }

  /** Lets all pods be as they are; resolves when no step is under way any more. */
  async close(): Promise<void> {
    await Promise.all([...this.#actors.values()].map((actor) => actor.close()))
  }

  #run(pod: Pod): void {
    const actor = this.#actors.get(pod.uid)
    if (actor !== undefined) {
      // One that is ending goes all the way; `onRemoved` begins anew.
      if (actor.state.terminating === undefined && actor.state.pod !== pod)
        actor.tell({ kind: 'desired', pod })
      return
    }
    // It is over, and nothing of it is left here but what the API server knows.
    if (pod.told.ended !== undefined && pod.deletion === undefined && !this.#snapshot.pods.has(pod.uid))
      return
    const predecessor = [...this.#actors.values()].some(({ state }) => state.name === pod.name)
    if (!predecessor) this.#start(pod.name, pod.uid, pod)
  }

  #start(name: ObjectName, uid: string, pod: Pod | undefined): void {
    const { clock, snapshotClock } = this.#context
    const stale = this.#removedAt.has(uid)
    const records = stale ? NO_RECORDS : (this.#snapshot.pods.get(uid) ?? NO_RECORDS)
    const asOf = stale ? snapshotClock.tick() : this.#snapshot.sequence
    const isNew = records.sandboxes.length === 0
    const state: PodState = {
      ...initialPodState(name, uid, pod, records, asOf),
      terminating: pod?.deletion === undefined ? undefined : { ...pod.deletion, since: clock.now() },
      concluded: pod === undefined ? undefined : this.#conclusion(pod, records, isNew),
      seenAt: isNew ? clock.now() : undefined,
    }
    const actor = new PodActor(state, this.#actorContext)
    this.#actors.set(uid, actor)
    if (pod !== undefined && records.containers.length === 0) this.#starting.set(uid, clock.now())
    this.#context.onNews(actor.status)
    actor.wake()
  }

  /** What runs is let in before all that is new, and not asked about again. */
  #conclusion(pod: Pod, records: PodRecords, isNew: boolean): Conclusion | undefined {
    const told = toldConclusion(pod, records)
    if (told !== undefined || !isNew || pod.deletion !== undefined) return told
    const { admit, onEvents } = this.#context
    const others = [...this.#actors.values()].flatMap(({ state }) => (isActive(state) ? [state.pod] : []))
    const refusal = admit(pod, others)
    const complaints = [...pod.unsupported, ...pod.ignored].map((text) => warning('UnsupportedField', text))
    const said = refusal === undefined ? complaints : [warning(refusal.reason, refusal.message)]
    onEvents(said.map((happening) => ofPod({ name: pod.name, uid: pod.uid, pod }, happening)))
    return refusal === undefined ? undefined : refused(refusal)
  }

  #terminate(pod: Pod, maxGraceSeconds = Number.POSITIVE_INFINITY): void {
    const asked = pod.deletion?.graceSeconds ?? pod.terminationGracePeriodSeconds
    const graceSeconds = Math.min(asked, maxGraceSeconds)
    this.#actors.get(pod.uid)?.tell({ kind: 'terminate', graceSeconds })
  }

  /** Only pods in our scope are in a snapshot at all. */
  #adoptOrphans(): void {
    for (const [uid, { sandboxes }] of this.#snapshot.pods) {
      const [sandbox] = sandboxes
      if (sandbox === undefined || this.isKnown(uid) || this.#removedAt.has(uid)) continue
      if (!this.#context.isOursToEnd(sandbox)) {
        this.#leaveAlone(sandbox)
        continue
      }
      this.#context.log.info({ pod: sandbox.pod, uid }, 'A pod that nobody wants any more is removed')
      this.#start(sandbox.pod, uid, undefined)
    }
  }

  #leaveAlone({ pod, podUid }: SandboxRecord): void {
    if (this.#leftAlone.has(podUid)) return
    this.#leftAlone.add(podUid)
    this.#context.log.warn(
      { pod, uid: podUid },
      'A pod runs here that is none of this node, and that it did not make: it is left alone',
    )
  }

  #onStatus(actor: PodActor, status: PodStatus): void {
    const seenAt = this.#starting.get(status.uid)
    const running = status.containers.every(({ state }) => state.kind === 'running')
    if (seenAt !== undefined && status.phase === 'Running' && running) {
      this.#starting.delete(status.uid)
      this.#context.metrics.started((this.#context.clock.now() - seenAt) / 1_000, actor.state)
    }
    if (this.#actors.get(status.uid) === actor) this.#context.onNews(status)
  }

  #onRemoved({ state: { name, uid } }: PodActor): void {
    this.#actors.delete(uid)
    this.#starting.delete(uid)
    this.#removedAt.set(uid, this.#context.snapshotClock.tick())
    this.#context.onNews({ removed: name, uid })
    const next = this.#desired.get(name)
    // One that is to end stays wanted by its source until that hears that nothing is left of it.
    if (next !== undefined && next.deletion === undefined) this.#run(next)
    if (this.#actors.size === 0) this.#whenEmpty?.()
  }
}
