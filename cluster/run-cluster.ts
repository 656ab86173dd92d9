import { CommandError, exitCodes } from '../src/cli/command-error.ts'
import { Interruption } from '../src/cli/process/interruption.ts'
import { Teardown } from '../src/cli/process/teardown.ts'
import { checkExample } from './check-example.ts'
import { deployExample, type Example } from './example.ts'
import { howToReach } from './how-to-reach.ts'
import { LocalCluster } from './local-cluster.ts'

export interface ClusterOptions {
  /** Check and end, rather than wait to be told. */
  readonly once: boolean
  readonly timeoutMs: number
}

/** Runs the cluster until it is told to end, or with `once` until it has been checked. Resolves to the exit status. */
export async function runCluster(options: ClusterOptions): Promise<number> {
  const teardown = new Teardown()
  const interruption = new Interruption({
    onInsist: () => leaveAtOnce(teardown),
    onCrash: (error) => complain(`an error that nobody waited for: ${error.stack ?? error.message}`),
  })
  try {
    const failure = await untilDone(work(options, teardown, interruption), interruption, options.once)
    const clean = await takeDown(teardown)
    // Behind the teardown's lines: the last line is the one that is read.
    if (failure !== undefined) complain(failure)
    return failure === undefined && clean ? exitCodes.ok : exitCodes.failure
  } finally {
    interruption.dispose()
  }
}

/** Whatever is made is in the teardown. Between two steps it looks whether it is to end. */
async function work(
  { once, timeoutMs }: ClusterOptions,
  teardown: Teardown,
  { requested, signal }: Interruption,
): Promise<void> {
  const start = performance.now()
  const cluster = await LocalCluster.start({ teardown, say, signal })
  const use = async (): Promise<void> => {
    const example = await deploy(cluster, { start, timeoutMs, signal })
    if (once) {
      await checkExample(cluster, example, { timeoutMs, say, signal })
      return
    }
    for (const line of howToReach(cluster, example)) say(line)
    await requested
  }
  // Whoever waits for kubectl when an end is asked for is not waited for: it ends with the API server.
  await Promise.race([use(), cluster.failure, requested])
}

async function deploy(
  cluster: LocalCluster,
  { start, timeoutMs, signal }: { start: number; timeoutMs: number; signal: AbortSignal },
): Promise<Example> {
  say('Deploying examples/hello with kubectl')
  const example = await deployExample(cluster, { timeoutMs, signal })
  say(`Ready after ${((performance.now() - start) / 1000).toFixed(1)} s\n`)
  say(`${(await cluster.kubectl('get', 'nodes,pods,services', '--output=wide')).trimEnd()}\n`)
  return example
}

/** Waits for the work, which sees by itself when it is to end. Resolves with why it failed. */
async function untilDone(
  running: Promise<void>,
  { requested, signal }: Interruption,
  once: boolean,
): Promise<string | undefined> {
  const failure = await running.then(() => undefined, describe)
  if (!signal.aborted) return failure
  const reason = await requested
  if (reason.kind === 'crash') return `ended by an error: ${reason.error.message}`
  return once ? `interrupted by ${reason.signal} before all was checked` : undefined
}

/** Undoes all that was made; true when nothing is left. */
async function takeDown(teardown: Teardown): Promise<boolean> {
  const failures = await teardown.run((what) => say(`Removing ${what}`))
  for (const { what, reason } of failures) complain(`${what} could not be removed: ${reason}`)
  if (failures.length === 0) say('Everything that was made is removed')
  return failures.length === 0
}

function leaveAtOnce(teardown: Teardown): never {
  const remaining = teardown.remaining
  complain(
    remaining.length === 0
      ? 'leaving at once; nothing remains'
      : `leaving at once; still there: ${remaining.join(', ')} (the next npm run cluster removes it)`,
  )
  process.exit(130)
}

/** Expected failures say all there is to say in their message; of anything else the stack is wanted. */
function describe(error: unknown): string {
  if (error instanceof CommandError)
    return `${error.message}${error.remedy === undefined ? '' : ` (${error.remedy})`}`
  if (error instanceof Error && 'code' in error) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

const complain = (text: string): void => {
  process.stderr.write(`cluster: ${text}\n`)
}
