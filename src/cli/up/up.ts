import { setTimeout as sleep } from 'node:timers/promises'
import { detectNodeAddresses } from '../../config/node-addresses.ts'
import { createRegistry } from '../../metrics/registry.ts'
import { CommandError, exitCodes } from '../command-error.ts'
import { packageVersion } from '../package-info.ts'
import { Interruption } from '../process/interruption.ts'
import { openLog } from '../process/log.ts'
import { lockState } from '../process/state-lock.ts'
import { Teardown } from '../process/teardown.ts'
import { JsonReporter } from './json-reporter.ts'
import { serveMetrics } from './metrics-server.ts'
import { StandaloneNode } from './node.ts'
import { checkOnce } from './once.ts'
import { PlainReporter } from './plain-reporter.ts'
import { findObstacles } from './preflight.ts'
import type { Reporter } from './reporter.ts'
import { takeSnapshot } from './snapshot.ts'
import { TerminalReporter } from './terminal-reporter.ts'
import type { UpConfig } from './up-config.ts'

/** Runs a node until it is told to end, or with `once` until it has been checked. Resolves to the exit status. */
export async function up(asked: UpConfig): Promise<number> {
  const obstacles = await findObstacles(asked)
  for (const { reason, remedy } of obstacles) complain(`${reason} (${remedy})`)
  if (obstacles.length > 0) return exitCodes.failure
  const detected =
    asked.nodeAddresses.length > 0 ? asked.nodeAddresses : await detectNodeAddresses([asked.podCidr])
  const config = { ...asked, nodeAddresses: detected }
  const lock = await lockState(config.stateDir)
  const teardown = new Teardown()
  const reporter = openReporter(config)
  const interruption = new Interruption({
    onInsist: () => leaveAtOnce(teardown),
    onCrash: (error) => complain(`an error that nobody waited for: ${error.stack ?? error.message}`),
  })
  try {
    const failure = await runNode(config, { teardown, reporter, interruption })
    const clean = await takeDown(teardown, reporter)
    // Behind the table and the teardown's lines: the last line is the one that is read.
    if (failure !== undefined) complain(failure)
    return failure === undefined && clean ? exitCodes.ok : exitCodes.failure
  } finally {
    interruption.dispose()
    await lock.release()
  }
}

interface Run {
  readonly teardown: Teardown
  readonly reporter: Reporter
  readonly interruption: Interruption
}

/** Resolves with why the run failed, undefined when it did not. Whatever was made is in the teardown. */
async function runNode(
  config: UpConfig,
  { teardown, reporter, interruption }: Run,
): Promise<string | undefined> {
  const { signal } = interruption
  const say = (text: string): void => reporter.say(text)
  const log = openLog(config.verbose, process.stdout.isTTY && process.stderr.isTTY ? say : undefined)
  const registry = createRegistry(packageVersion())
  let node: StandaloneNode | undefined
  const show = coalesce(() => {
    if (node !== undefined) reporter.show(takeSnapshot(node.facts()))
  })
  const work = async (): Promise<void> => {
    const metrics = await serveMetrics(config.metrics, registry, () => healthOf(node))
    teardown.add('the metrics server', () => metrics.close())
    node = await StandaloneNode.start(config, { teardown, say, log, signal, registry, onChange: show })
    say(`Metrics: ${metrics.url}`)
    show()
    if (config.once) await checkOnce(node, { timeoutMs: config.timeoutMs, say, signal })
    else await interruption.requested
  }
  try {
    return await untilDone(work(), interruption, config.once)
  } catch (error) {
    return describe(error)
  } finally {
    if (node !== undefined) reporter.show(takeSnapshot(node.facts()))
    reporter.close()
  }
}

/** How long a step that is under way may go on after an end was asked for: it has its own deadlines below this. */
const stepMs = 60_000

/**
 * Waits for the work, or for what ends it early. Then too the work comes to its end first: it stops between two steps,
 * and nothing may be made while everything is being undone. Resolves with why the run failed.
 */
async function untilDone(
  work: Promise<void>,
  { requested, signal }: Interruption,
  once: boolean,
): Promise<string | undefined> {
  await Promise.race([work, requested])
  if (!signal.aborted) return undefined
  const limit = new AbortController()
  await Promise.race([
    work.catch(() => undefined),
    sleep(stepMs, undefined, { signal: limit.signal }).catch(() => undefined),
  ])
  limit.abort()
  const reason = await requested
  if (reason.kind === 'crash') return `ended by an error: ${reason.error.message}`
  return once ? `interrupted by ${reason.signal} before all was checked` : undefined
}

/** Undoes all that was made; true when nothing is left. */
async function takeDown(teardown: Teardown, reporter: Reporter): Promise<boolean> {
  const failures = await teardown.run((what) => reporter.say(`Removing ${what}`))
  for (const { what, reason } of failures) complain(`${what} could not be removed: ${reason}`)
  if (failures.length === 0) reporter.say('Everything that was made is removed')
  return failures.length === 0
}

function leaveAtOnce(teardown: Teardown): never {
  const remaining = teardown.remaining
  complain(
    remaining.length === 0
      ? 'leaving at once; nothing remains'
      : `leaving at once; still there: ${remaining.join(', ')} (start it again on the same folder, and end it with one Ctrl-C)`,
  )
  process.exit(130)
}

function openReporter(config: UpConfig): Reporter {
  const write = (text: string): void => {
    process.stdout.write(text)
  }
  if (config.json) return new JsonReporter(write)
  return process.stdout.isTTY ? new TerminalReporter(process.stdout) : new PlainReporter(write)
}

function healthOf(node: StandaloneNode | undefined): { healthy: boolean; reason: string } {
  if (node === undefined) return { healthy: false, reason: 'starting' }
  const error = node.facts().proxy.families.find(({ lastError }) => lastError !== undefined)?.lastError
  return error === undefined ? { healthy: true, reason: 'ok' } : { healthy: false, reason: error.message }
}

/** Many calls become one a little later, and it takes a twentieth of the time at most, however much there is to show. */
function coalesce(call: () => void): () => void {
  let pending = false
  let waitMs = 20
  return () => {
    if (pending) return
    pending = true
    setTimeout(() => {
      pending = false
      const start = performance.now()
      call()
      waitMs = Math.max(20, (performance.now() - start) * 20)
    }, waitMs)
  }
}

/** Expected failures say all there is to say in their message; of anything else the stack is wanted. */
function describe(error: unknown): string {
  if (error instanceof CommandError)
    return `${error.message}${error.remedy === undefined ? '' : ` (${error.remedy})`}`
  if (error instanceof Error && 'code' in error) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

const complain = (text: string): void => {
  process.stderr.write(`hawser: ${text}\n`)
}
