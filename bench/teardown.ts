import { constants } from 'node:os'

/** Undoes one thing that the run made. Called at most once; what it undoes may be gone already. */
type Undo = () => Promise<void> | void

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * What a run has made on this machine, in order. Everything is undone in reverse order when the run ends, whichever
 * way it ends; one failing undo is reported and does not keep the others from running.
 */
export class Teardown {
  readonly #undos = new Set<Undo>()

  /** Takes note of something made; the returned function undoes it before the run ends, once. */
  add(undo: Undo): () => Promise<void> {
    this.#undos.add(undo)
    return () => this.#undo(undo)
  }

  async run(): Promise<void> {
    for (const undo of [...this.#undos].reverse()) await this.#undo(undo)
  }

  async #undo(undo: Undo): Promise<void> {
    if (!this.#undos.delete(undo)) return
    try {
      await undo()
    } catch (error) {
      process.stderr.write(`hawser bench: cleaning up: ${error instanceof Error ? error.message : error}\n`)
    }
  }
}

/** Runs `body` and then undoes what it registered, also when it throws or when a signal ends the process. */
export async function withTeardown<Result>(body: (teardown: Teardown) => Promise<Result>): Promise<Result> {
  const teardown = new Teardown()
  const onSignal = (signal: (typeof signals)[number]): void => {
    void teardown.run().finally(() => process.exit(128 + constants.signals[signal]))
  }
  for (const signal of signals) process.on(signal, onSignal)
  try {
    return await body(teardown)
  } finally {
    await teardown.run()
    for (const signal of signals) process.off(signal, onSignal)
  }
}
