import type { RuntimeCondition, StatusResponse } from '../../gen/runtime.ts'
import type { Clock } from '../../util/clock.ts'
import { errorMessage } from '../../util/error-message.ts'
import { RuntimeError } from '../runtime/runtime-error.ts'

/** Between two questions, in ms: while it answers, as the kubelet asks, and while it does not. */
const CHECK_MS = { answering: 5_000, away: 500 }
/**
 * A runtime that is back within this time, in ms, was never away: it is restarted for an upgrade in a second or two, and
 * its pods run on. A node that is not ready loses the Services' traffic to every one of them.
 */
const GRACE_MS = 5_000

export interface RuntimeHealthOptions {
  /** CRI Status; rejects with a RuntimeError. */
  readonly status: () => Promise<StatusResponse>
  readonly clock: Clock
  /** Called after every answer, and when the grace is over. */
  readonly onChecked: () => void
  readonly graceMs?: number
}

/** Asks the runtime again and again whether it and its pod network can take pods. */
export class RuntimeHealth {
  readonly #options: RuntimeHealthOptions
  #answer: StatusResponse | undefined
  #failure: { readonly error: unknown; readonly since: number } | undefined
  #asking: Promise<void> | undefined
  #cancel: () => void = () => undefined
  #closed = false

  constructor(options: RuntimeHealthOptions) {
    this.#options = options
  }

  /** Asks now; resolves when that is settled, either way. Then goes on by itself. */
  check(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  /** What keeps pods from running here, in the words that people look for in condition Ready. */
  problems(): readonly string[] {
    const { clock, graceMs = GRACE_MS } = this.#options
    if (this.#failure !== undefined && clock.now() - this.#failure.since >= graceMs)
      return [`container runtime is down: ${describe(this.#failure.error)}`]
    if (this.#answer === undefined) return ['container runtime status check may not have completed yet']
    const conditions = this.#answer.status?.conditions ?? []
    return [
      ...problemOf(conditions, 'RuntimeReady', 'container runtime not ready'),
      ...problemOf(conditions, 'NetworkReady', 'container runtime network not ready'),
    ]
  }

  close(): void {
    this.#closed = true
    this.#cancel()
  }

  async #ask(): Promise<void> {
    const { status, clock, onChecked } = this.#options
    this.#cancel()
    const asked = clock.now()
    try {
      this.#answer = await status()
      this.#failure = undefined
    } catch (error) {
      this.#failure = { error, since: this.#failure?.since ?? asked }
    }
    if (this.#closed) return
    const wait = this.#failure === undefined ? CHECK_MS.answering : CHECK_MS.away
    this.#cancel = clock.at(clock.now() + wait, () => void this.check())
    onChecked()
  }
}

function problemOf(conditions: readonly RuntimeCondition[], type: string, words: string): readonly string[] {
  const found = conditions.find((condition) => condition.type === type)
  if (found?.status === true) return []
  const said =
    found === undefined
      ? `the runtime does not say ${type}`
      : `${type}=false reason:${found.reason} message:${found.message}`
  return [`${words}: ${said}`]
}

const describe = (error: unknown): string =>
  error instanceof RuntimeError ? error.detail : errorMessage(error)
