import { BenchError } from './error.ts'

/** Undoes one thing that the run made. Called at most once; what it undoes may be gone already. */
type Undo = () => Promise<void> | void

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * What a run has made on this machine, in order. Everything is undone in reverse order when the run ends, whichever
 * way it ends; one failing undo is reported and does not keep the others from running.
 */
export class Teardown {
  readonly #undos = new Set<Undo>()
  #ended = false

  /**
   * Takes note of something made; the returned function undoes it before the run ends, once. When the run has ended
   * already, undoes it at once and throws a BenchError `BENCH_INTERRUPTED`, so that nothing more is made.
   */
  add(undo: Undo): () => Promise<void> {
    this.#undos.add(undo)
    if (this.#ended) {
      void this.#undo(undo)
      throw new BenchError('BENCH_INTERRUPTED', 'the run has ended under way')
    }
    return () => this.#undo(undo)
  }

  async end(): Promise<void> {
    this.#ended = true
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

/**
 * Runs `body` and then undoes what it registered, also when it throws or a signal ends it. After a signal this process
 * ends by that same signal, as whoever sent it expects.
 */
export async function withTeardown<Result>(body: (teardown: Teardown) => Promise<Result>): Promise<Result> {
  const teardown = new Teardown()
  let received: (typeof signals)[number] | undefined
  let interrupt: (reason: BenchError) => void = () => {}
  const interrupted = new Promise<never>((_, reject) => {
    interrupt = reject
  })
  const onSignal = (signal: (typeof signals)[number]): void => {
    received ??= signal
    interrupt(new BenchError('BENCH_INTERRUPTED', `interrupted by ${signal}`))
  }
  for (const signal of signals) process.on(signal, onSignal)
  try {
    return await Promise.race([body(teardown), interrupted])
  } finally {
    await teardown.end()
    for (const signal of signals) process.off(signal, onSignal)
    if (received !== undefined) process.kill(process.pid, received)
  }
}
