import type { ObjectName } from '../../model/object-name.ts'
import type { ProbeKind } from '../../model/probe.ts'
import type { Clock } from '../../util/clock.ts'
import type { Answer } from './answer.ts'
import type { Asker } from './asker.ts'
import type { ProbeMetrics } from './metrics.ts'
import type { ProbeTarget } from './targets.ts'
import type { ProbeVerdict } from './verdicts.ts'

export interface ProbeListener {
  /** Hears what enough answers in a row amount to, whenever that changes. */
  readonly onVerdict: (containerId: string, kind: ProbeKind, verdict: ProbeVerdict) => void
  /** Hears of every answer that is no good one, in the words of the answer. */
  readonly onFailure: (container: string, kind: ProbeKind, message: string) => void
}

export interface ProberOptions {
  readonly ask: Asker
  readonly clock: Clock
  readonly metrics: ProbeMetrics
}

/** Whose containers are asked. */
export interface ProbedPod {
  readonly name: ObjectName
  readonly uid: string
}

/** Asks the running containers of all pods what their probes want asked. */
export class Prober {
  readonly #options: ProberOptions
  /** By the pod's UID, then by container and kind of probe. */
  readonly #pods = new Map<string, Map<string, Questioner>>()

  constructor(options: ProberOptions) {
    this.#options = options
  }

  /** What is to be asked of a pod from now on; what was asked of it before and is not in here ends. */
  follow(pod: ProbedPod, targets: readonly ProbeTarget[], listener: ProbeListener): void {
    const before = this.#pods.get(pod.uid)
    if (targets.length === 0 && before === undefined) return
    const now = new Map<string, Questioner>()
    for (const target of targets) {
      const key = `${target.containerId}/${target.kind}`
      const questioner = before?.get(key)
      before?.delete(key)
      now.set(key, questioner?.isFor(target) ? questioner : this.#begin(pod, target, listener, questioner))
    }
    for (const questioner of before?.values() ?? []) questioner.end()
    if (now.size === 0) this.#pods.delete(pod.uid)
    else this.#pods.set(pod.uid, now)
  }

  /** Nothing more is asked of the pod, nor said of it. */
  forget(pod: ProbedPod): void {
    this.follow(pod, [], { onVerdict: () => undefined, onFailure: () => undefined })
    this.#options.metrics.forget(pod.uid)
  }

  #begin(
    pod: ProbedPod,
    target: ProbeTarget,
    listener: ProbeListener,
    replaced: Questioner | undefined,
  ): Questioner {
    replaced?.end()
    const { ask, clock, metrics } = this.#options
    return new Questioner(target, {
      ask,
      clock,
      onAnswer: ({ passed, message }, seconds) => {
        metrics.count(pod, target.container, target.kind, { passed, seconds })
        if (!passed) listener.onFailure(target.container, target.kind, message)
      },
      onVerdict: (verdict) => listener.onVerdict(target.containerId, target.kind, verdict),
    })
  }
}

interface QuestionerContext {
  readonly ask: Asker
  readonly clock: Clock
  /** After how many seconds. */
  readonly onAnswer: (answer: Answer, seconds: number) => void
  readonly onVerdict: (verdict: ProbeVerdict) => void
}

/** Asks one question every period, one at a time, and counts the answers. */
class Questioner {
  readonly #target: ProbeTarget
  readonly #context: QuestionerContext
  readonly #abort = new AbortController()
  #passed: boolean | undefined
  #last: boolean | undefined
  #inARow = 0
  #cancel: () => void

  constructor(target: ProbeTarget, context: QuestionerContext) {
    this.#target = target
    this.#context = context
    this.#passed = target.passed
    this.#cancel = this.#at(target.startedAt + target.probe.initialDelaySeconds * 1000)
  }

  isFor({ probe, address }: ProbeTarget): boolean {
    return this.#target.probe === probe && this.#target.address === address
  }

  end(): void {
    this.#abort.abort()
    this.#cancel()
  }

  #at(time: number): () => void {
    return this.#context.clock.at(time, () => void this.#question(Math.max(time, this.#context.clock.now())))
  }

  /** Never rejects. */
  async #question(began: number): Promise<void> {
    const asked = performance.now()
    const answer = await this.#context.ask(this.#target, this.#abort.signal)
    if (this.#abort.signal.aborted) return
    this.#cancel = this.#at(began + this.#target.probe.periodSeconds * 1000)
    this.#context.onAnswer(answer, (performance.now() - asked) / 1_000)
    this.#count(answer)
  }

  #count({ passed, message }: Answer): void {
    const { successThreshold, failureThreshold } = this.#target.probe
    this.#inARow = passed === this.#last ? this.#inARow + 1 : 1
    this.#last = passed
    if (this.#inARow < (passed ? successThreshold : failureThreshold) || passed === this.#passed) return
    this.#passed = passed
    this.#context.onVerdict({ passed, message: passed ? '' : message })
  }
}
