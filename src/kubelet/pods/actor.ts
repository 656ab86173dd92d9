import type { AuthConfig } from '../../gen/runtime.ts'
import type { Container, Pod } from '../../model/pod.ts'
import type { PodStatus } from '../../model/pod-status.ts'
import type { IpAddress } from '../../util/address.ts'
import type { Clock } from '../../util/clock.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { type PodEventReport, unhealthy } from '../events/pod-event-report.ts'
import { podEvents } from '../events/pod-events.ts'
import { stepBegins } from '../events/step-events.ts'
import { ImageError, type ImageStore } from '../images/image-store.ts'
import type { Prober } from '../probes/prober.ts'
import { probeTargets } from '../probes/targets.ts'
import { isRuntimeAway } from '../runtime/runtime-error.ts'
import type { SnapshotClock } from '../runtime/snapshot-clock.ts'
import { deadlineOf } from './conclusion.ts'
import type { PodEffects } from './effects.ts'
import type { PodAction } from './plan.ts'
import { planPod } from './planner.ts'
import type { PodEvent } from './pod-event.ts'
import type { PodMetrics } from './pod-metrics.ts'
import type { PodState } from './pod-state.ts'
import { reduce } from './reduce.ts'
import { podStatus } from './status.ts'
import { stepFailure } from './step-failure.ts'

/** What all actors of a node share. */
export interface ActorContext {
  readonly effects: PodEffects
  readonly images: ImageStore
  /** What the registry of an image may be shown for the pod. */
  readonly credentials: (pod: Pod, image: string) => readonly AuthConfig[]
  readonly prober: Prober
  readonly clock: Clock
  readonly snapshotClock: SnapshotClock
  readonly nodeAddresses: readonly IpAddress[]
  readonly metrics: PodMetrics
  /** Wants a fresh snapshot. */
  readonly relist: () => void
  readonly onStatus: (actor: PodActor, status: PodStatus) => void
  readonly onEvents: (reports: readonly PodEventReport[]) => void
  /** Nothing is left of the pod; the actor is done. */
  readonly onRemoved: (actor: PodActor) => void
  readonly log: Logger
}

/**
 * The one owner of a pod's fate. Everything it hears goes into one state at once; what to do next is planned from that
 * state alone, and done one step at a time. Images come in beside the steps.
 */
export class PodActor {
  readonly #context: ActorContext
  #state: PodState
  #busy = false
  /** Calls off the wait of the step under way. */
  #interrupt = new AbortController()
  #closed = false
  #working: Promise<void> = Promise.resolve()
  #cancelWake: () => void = () => undefined
  #status: PodStatus

  /** Rests until {@link tell} or {@link wake}. */
  constructor(state: PodState, context: ActorContext) {
    this.#context = context
    this.#state = state
    this.#status = this.#computeStatus()
  }

  get state(): PodState {
    return this.#state
  }

  get status(): PodStatus {
    return this.#status
  }

  tell(event: PodEvent): void {
    if (this.#closed) return
    const grace = this.#state.terminating?.graceSeconds ?? Number.POSITIVE_INFINITY
    this.#hear(event)
    // What waits for containers waited for another end.
    if ((this.#state.terminating?.graceSeconds ?? grace) < grace) this.#interrupt.abort()
    this.wake()
  }

  /** Plans, and does what is due. Harmless at any time. */
  wake(): void {
    if (!this.#busy && !this.#closed) this.#working = this.#work()
  }

  /** Lets the pod be as it is; resolves when the step under way, if any, is over. */
  close(): Promise<void> {
    this.#closed = true
    this.#cancelWake()
    this.#context.prober.forget(this.#state)
    return this.#working
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    this.#busy = true
    this.#cancelWake()
    const operation = operationOn(this.#state)
    const began = performance.now()
    let steps = 0
    try {
      while (!this.#closed) {
        const now = this.#context.clock.now()
        if ((deadlineOf(this.#state) ?? Number.POSITIVE_INFINITY) <= now)
          this.#hear({ kind: 'deadlinePassed' })
        const plan = planPod(this.#state, now)
        for (const container of plan.images) this.#requestImage(container)
        if (plan.action === undefined) return this.#rest(plan.wakeAt)
        await this.#step(plan.action)
        steps += 1
      }
    } catch (error) {
      // Our own mistake. It costs this pod its care until it hears something, and no other pod anything.
      const stack = error instanceof Error ? error.stack : String(error)
      this.#context.log.error({ pod: this.#state.name, error: stack }, 'A pod cannot be planned')
    } finally {
      this.#busy = false
      if (steps > 0) this.#context.metrics.worked(operation, (performance.now() - began) / 1_000)
    }
  }

  #rest(wakeAt: number | undefined): void {
    if (this.#state.removed) {
      this.#closed = true
      this.#context.prober.forget(this.#state)
      this.#context.onRemoved(this)
      return
    }
    if (this.#state.missedSnapshot) this.#context.relist()
    if (wakeAt === undefined) return
    this.#cancelWake = this.#context.clock.at(wakeAt, () => {
      // Time alone changes what there is to say, too: a back-off is over.
      this.#publish()
      this.wake()
    })
  }

  async #step(action: PodAction): Promise<void> {
    const { effects, log, relist, onEvents } = this.#context
    const { name, uid } = this.#state
    onEvents(stepBegins(action, this.#state))
    this.#interrupt = new AbortController()
    try {
      this.#hear(await effects.run(action, this.#state, this.#interrupt.signal))
    } catch (error) {
      if (this.#closed) return
      if (isRuntimeAway(error)) {
        this.#hear({ kind: 'runtimeAway' })
      } else {
        const failure = stepFailure(action, error)
        log.warn({ pod: name, uid, step: action.kind, error: errorMessage(error) }, 'A step of a pod failed')
        if (failure.retry === 'imageGone' && action.kind === 'startContainer') {
          this.#context.images.forget(action.container.image)
        }
        this.#hear(failure)
      }
      // What a failed step left behind, the runtime alone knows.
      relist()
    }
  }

  /** {@link tell} from within the work: no second one begins. */
  #hear(event: PodEvent): void {
    const { clock, snapshotClock, metrics, onEvents } = this.#context
    const before = this.#state
    this.#state = reduce(before, event, clock.now(), snapshotClock.tick())
    metrics.heard(event, this.#state)
    onEvents(podEvents(before, event, this.#state))
    this.#publish()
    this.#probe()
  }

  /** Has asked what is to be asked of the pod as it is now. */
  #probe(): void {
    if (this.#closed) return
    const { prober, log, onEvents } = this.#context
    prober.follow(this.#state, probeTargets(this.#state), {
      onVerdict: (containerId, probe, verdict) => {
        if (!verdict.passed)
          log.info({ pod: this.#state.name, probe, message: verdict.message }, 'A probe of a container fails')
        this.tell({ kind: 'probed', containerId, probe, verdict })
      },
      onFailure: (container, probe, message) => onEvents([unhealthy(this.#state, container, probe, message)]),
    })
  }

  #requestImage(container: Container): void {
    this.#hear({ kind: 'imageRequested', container })
    const onPulling = (): void => this.tell({ kind: 'imagePulling', container })
    const { images, credentials } = this.#context
    const shown = this.#state.pod === undefined ? [] : credentials(this.#state.pod, container.image)
    images.ensure(container, onPulling, shown).then(
      (found) => this.tell({ kind: 'imagePresent', container, ...found }),
      (error: unknown) => this.#imageFailed(container, error),
    )
  }

  #imageFailed(container: Container, error: unknown): void {
    if (error instanceof ImageError) {
      const { code, message, failures, retryAt, pullError } = error
      const failure = { reason: code, message, count: failures, retryAt }
      this.tell({ kind: 'imageFailed', container, failure, pullError })
    } else {
      // The runtime is away; the question is asked anew once it is back.
      this.tell({ kind: 'runtimeAway' })
      this.tell({ kind: 'imageForgotten', container })
      this.#context.relist()
    }
  }

  #publish(): void {
    const status = this.#computeStatus()
    if (sameStatus(status, this.#status)) return
    this.#status = status
    if (!this.#closed) this.#context.onStatus(this, status)
  }

  #computeStatus(): PodStatus {
    return podStatus(this.#state, this.#context.nodeAddresses, this.#context.clock.now())
  }
}

/** Statuses are small trees of plain values. */
const sameStatus = (a: PodStatus, b: PodStatus): boolean => JSON.stringify(a) === JSON.stringify(b)

/** In the words of the kubelet's pod workers. */
function operationOn({ terminating, records }: PodState): 'create' | 'sync' | 'kill' {
  if (terminating !== undefined) return 'kill'
  return records.sandboxes.length === 0 ? 'create' : 'sync'
}
