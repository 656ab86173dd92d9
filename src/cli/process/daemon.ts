import { setTimeout as sleep } from 'node:timers/promises'
import { exitCodes } from '../command-error.ts'
import { complain } from './complain.ts'
import { expected } from './expected.ts'
import { Interruption } from './interruption.ts'
import { lockState } from './state-lock.ts'
import { Teardown } from './teardown.ts'

/** What runs until it is told to end, and leaves what it made on the machine to the next one. */
export interface Daemon {
  /** Absolute; no other process may have it meanwhile. */
  readonly stateDir: string
  /** The flag that names it. */
  readonly stateFlag: string
  /**
   * Starts everything, in an order of its own; what ends it goes into the teardown. The signal says that an end is asked
   * for before all is there, or that a part has failed: waits should then reject.
   */
  readonly start: (teardown: Teardown, signal: AbortSignal) => Promise<void>
  /** SIGHUP calls this; without it that ends the process, too. */
  readonly onHangup?: () => void
}

/** How long a step of the start that is under way may go on once an end is asked for, in ms. */
const STEP_MS = 30_000

/** Runs until a signal comes or a part dies. Resolves to the exit status; rejects when it cannot start. */
export async function runDaemon({ stateDir, stateFlag, start, onHangup }: Daemon): Promise<number> {
  const lock = await lockState(stateDir, stateFlag)
  const teardown = new Teardown()
  const interruption = new Interruption({
    onInsist: () => process.exit(130),
    onCrash: (error) => complain(`an error that nobody waited for: ${error.stack ?? error.message}`),
    ...(onHangup === undefined ? {} : { onHangup }),
  })
  try {
    await startUnlessEnded((signal) => start(teardown, signal), interruption)
    const reason = await interruption.requested
    return reason.kind === 'signal' ? exitCodes.ok : exitCodes.failure
  } finally {
    for (const { what, reason } of await teardown.run(() => undefined))
      complain(`${what} could not be ended: ${reason}`)
    interruption.dispose()
    await lock.release()
  }
}

/** Nothing may be made while everything is being undone: a start that is cut short comes to its end first. */
async function startUnlessEnded(
  start: (signal: AbortSignal) => Promise<void>,
  { requested, signal }: Interruption,
): Promise<void> {
  const failed = new AbortController()
  const started = expected(() => start(AbortSignal.any([signal, failed.signal])))
  try {
    await Promise.race([started, requested])
  } catch (error) {
    failed.abort()
    if (!signal.aborted) throw error
  }
  if (!signal.aborted) return
  const limit = new AbortController()
  await Promise.race([
    started.catch(() => undefined),
    sleep(STEP_MS, undefined, { signal: limit.signal }).catch(() => undefined),
  ])
  limit.abort()
}
