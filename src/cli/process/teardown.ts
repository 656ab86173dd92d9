import { setTimeout as sleep } from 'node:timers/promises'

/** Something made on this machine, and how it is undone. */
interface Step {
  /** What is undone, behind "removing": `the pods`. */
  readonly what: string
  readonly undo: () => Promise<void>
  readonly limitMs: number
}

export interface TeardownFailure {
  readonly what: string
  readonly reason: string
}

/**
 * What a run has made, in order. It is undone in reverse order; a step that fails or takes too long is reported and
 * does not keep the others from running.
 */
export class Teardown {
  readonly #steps: Step[] = []
  #current: Step | undefined
  #running: Promise<readonly TeardownFailure[]> | undefined

  add(what: string, undo: () => Promise<void>, limitMs = 30_000): void {
    this.#steps.push({ what, undo, limitMs })
  }

  /** What is still there, the step under way included. */
  get remaining(): readonly string[] {
    return [...(this.#current === undefined ? [] : [this.#current]), ...this.#steps.toReversed()].map(
      ({ what }) => what,
    )
  }

  /** Undoes everything; calling it again waits for the same run. */
  run(progress: (what: string) => void): Promise<readonly TeardownFailure[]> {
    this.#running ??= this.#undoAll(progress)
    return this.#running
  }

  async #undoAll(progress: (what: string) => void): Promise<readonly TeardownFailure[]> {
    const failures: TeardownFailure[] = []
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      this.#current = step
      progress(step.what)
      const failure = await attempt(step)
      if (failure !== undefined) failures.push({ what: step.what, reason: failure })
    }
    this.#current = undefined
    return failures
  }
}

async function attempt({ undo, limitMs }: Step): Promise<string | undefined> {
  const limit = new AbortController()
  const late = sleep(limitMs, `not done after ${limitMs / 1000} s`, { signal: limit.signal }).catch(
    () => undefined,
  )
  try {
    return await Promise.race([undo().then(() => undefined), late])
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    limit.abort()
  }
}
