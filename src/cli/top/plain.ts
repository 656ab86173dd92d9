import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { exitCodes } from '../command-error.ts'
import { Interruption } from '../process/interruption.ts'
import { endpointTable, serviceTable } from './format-rates.ts'
import type { EndpointRow, Snapshot } from './rates.ts'
import { byChoice, type View, visibleServices } from './view.ts'
import type { ConnectionsWatch } from './watch.ts'

export interface PlainOptions {
  readonly intervalMs: number
  /** Tables until the end; undefined: for ever. */
  readonly count: number | undefined
  /** Rows of a table. */
  readonly rows: number
}

/** Prints a table at each interval, until a signal comes or nobody reads on. Resolves to the exit status. */
export async function runPlain(watch: ConnectionsWatch, view: View, options: PlainOptions): Promise<number> {
  await watch.next(view.opened)
  const crashes: Error[] = []
  const interruption = new Interruption({
    onInsist: () => process.exit(130),
    onCrash: (error) => crashes.push(error),
  })
  const { signal } = interruption
  try {
    for (let printed = 0; printed !== options.count; printed++) {
      await setTimeout(options.intervalMs, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) break
      const next = await watch.tryNext(view.opened)
      const lines = typeof next === 'string' ? [`# ${next}`] : renderPlain(next, view, options.rows)
      // A reader that is slow is waited for.
      if (!process.stdout.write(`${lines.join('\n')}\n\n`))
        await once(process.stdout, 'drain', { signal }).catch(() => undefined)
    }
  } finally {
    interruption.dispose()
  }
  for (const error of crashes) process.stderr.write(`hawser: ${error.stack ?? error.message}\n`)
  return crashes.length > 0 ? exitCodes.failure : exitCodes.ok
}

/** One table: a line that begins with # says when it was, and of what it is a part. */
export function renderPlain(snapshot: Snapshot, view: View, rows: number): readonly string[] {
  const { at, services, total, lostEvents, notCounted } = snapshot
  const when = `# ${new Date(at).toISOString()}`
  if (notCounted !== null) return [`${when} connections are not counted: ${notCounted}`]
  const head = `${when} ${services.length} Services, ${total.active} active, ${lostEvents} events lost`
  if (view.opened === undefined)
    return [head, ...serviceTable(visibleServices(view, services).slice(0, rows), snapshot)]
  const endpoints = services.find(({ service }) => service === view.opened)?.endpoints ?? []
  return [`${head}; ${view.opened}:`, ...endpointTable(inOrder(endpoints, view).slice(0, rows), snapshot)]
}

const inOrder = (endpoints: readonly EndpointRow[], { sort }: View): readonly EndpointRow[] =>
  [...endpoints].sort(
    (a, b) => byChoice(sort, a, b, ({ fails }) => Number(fails)) || (a.endpoint < b.endpoint ? -1 : 1),
  )
