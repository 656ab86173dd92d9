import { isDeepStrictEqual } from 'node:util'
import type { StatusResponse } from '../../gen/runtime.ts'
import type { Clock } from '../../util/clock.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import type { HealthReport } from './conditions.ts'
import { NEVER_SEEN, type NodeFigures, pressureAt, seePressure } from './pressure.ts'
import { RuntimeHealth } from './runtime-health.ts'

/** Between two looks at what the node has left, in ms, as the kubelet has it. */
const FIGURES_MS = 10_000
/** The runtime is read at least every 10 s; beyond this, nothing of what is said of pods is true any more. */
const RELIST_LIMIT_MS = 180_000

export interface NodeHealthOptions {
  /** CRI Status; rejects with a RuntimeError. */
  readonly status: () => Promise<StatusResponse>
  /** How long ago the runtime's pods were read in full, in ms. */
  readonly snapshotAgeMs: () => number
  readonly figures: () => Promise<NodeFigures>
  /** Each says why the node cannot run pods, or nothing. Asked again every 5 s, and whenever a report is made. */
  readonly reasons: readonly (() => string | undefined)[]
  /** The report is another one than before. */
  readonly onChange: () => void
  readonly clock: Clock
  readonly log: Logger
  /** How long the runtime may be away before the node is not ready. */
  readonly graceMs?: number
}

/** Whether the node can run pods, and what it is short of. */
export class NodeHealth {
  readonly #options: NodeHealthOptions
  readonly #runtime: RuntimeHealth
  #seen = NEVER_SEEN
  #told: HealthReport | undefined
  #figuresFailed = false
  #cancel: () => void = () => undefined
  #closed = false

  /** Begins to look. */
  constructor(options: NodeHealthOptions) {
    this.#options = options
    const { status, clock, graceMs } = options
    const onChecked = () => this.#tell()
    this.#runtime = new RuntimeHealth({
      ...{ status, clock, onChecked },
      ...(graceMs === undefined ? {} : { graceMs }),
    })
    void this.#runtime.check()
    void this.#look()
  }

  report(): HealthReport {
    const { reasons, clock } = this.#options
    const problems = [
      ...this.#runtime.problems(),
      ...this.#relistProblem(),
      ...reasons.map((reason) => reason()).filter((reason) => reason !== undefined),
    ]
    return { notReady: joined(problems), pressure: pressureAt(this.#seen, clock.now()) }
  }

  /** The runtime went away or came back, by all appearances: it is asked now. */
  check(): Promise<void> {
    return this.#runtime.check()
  }

  close(): void {
    this.#closed = true
    this.#cancel()
    this.#runtime.close()
  }

  async #look(): Promise<void> {
    const { figures, clock, log } = this.#options
    try {
      this.#seen = seePressure(this.#seen, await figures(), clock.now())
      this.#figuresFailed = false
    } catch (error) {
      if (!this.#figuresFailed)
        log.warn({ error: errorMessage(error) }, 'What the node has left cannot be read')
      this.#figuresFailed = true
    }
    if (this.#closed) return
    this.#cancel = clock.at(clock.now() + FIGURES_MS, () => void this.#look())
    this.#tell()
  }

  #tell(): void {
    const report = this.report()
    if (isDeepStrictEqual(report, this.#told)) return
    this.#told = report
    this.#options.onChange()
  }

  /** Whole minutes: a text that is another one at every look would be told at every look. */
  #relistProblem(): readonly string[] {
    const age = this.#options.snapshotAgeMs()
    if (age <= RELIST_LIMIT_MS) return []
    const ago = `${Math.floor(age / 60_000)}m0s`
    return [`PLEG is not healthy: pleg was last seen active ${ago} ago; threshold is 3m0s`]
  }
}

/** One as it is, several in brackets, as Go joins errors. */
function joined(problems: readonly string[]): string | undefined {
  if (problems.length > 1) return `[${problems.join(', ')}]`
  return problems[0]
}
