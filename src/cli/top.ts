import { setTimeout } from 'node:timers/promises'
import { parseDuration } from '../config/duration.ts'
import { defineCommand } from './command.ts'
import { usageError } from './command-error.ts'
import { socketFlag } from './control/ask.ts'
import { parseServiceName } from './control/flows-reply.ts'
import { nonEmpty, positive, toggle, value } from './flags.ts'
import { INITIAL_VIEW, type SortBy, visibleServices } from './top/view.ts'

const SORTS: readonly SortBy[] = ['opened', 'active', 'bytes', 'failing']

export const command = defineCommand({
  usage: 'top [flags]',
  description: [
    'Shows which Services have new connections, how many are active, how much passes, and which endpoints leave clients',
    'without an answer, as connection tracking sees it. Keys sort, filter and open the endpoints of a Service.',
  ].join(' '),
  flags: {
    interval: value({
      metavar: 'DURATION',
      help: 'Time between two looks.',
      fallback: 1000,
      shownDefault: '1s',
      parse: (text) => ((parseDuration(text) ?? 0) > 0 ? parseDuration(text) : undefined),
      must: 'a duration such as 500ms or 2s',
    }),
    sort: value<SortBy>({
      metavar: SORTS.join('|'),
      help: 'What comes first.',
      fallback: 'opened',
      shownDefault: 'opened',
      parse: (text) => SORTS.find((sort) => sort === text),
      must: SORTS.join(' or '),
    }),
    filter: value({
      metavar: 'TEXT',
      help: 'Only Services with this in their names.',
      fallback: '',
      parse: nonEmpty,
      must: 'a part of a name',
    }),
    service: value<string | undefined>({
      metavar: 'NAMESPACE/NAME',
      help: 'The endpoints of this Service.',
      fallback: undefined,
      parse: parseServiceName,
      must: 'a Service such as default/web',
    }),
    plain: toggle('Print a table at each interval; the default where there is no terminal.'),
    count: value<number | undefined>({
      metavar: 'N',
      help: 'So many tables, with --plain.',
      fallback: undefined,
      shownDefault: 'no end',
      parse: positive,
      must: 'a number from 1',
    }),
    rows: value({
      metavar: 'N',
      help: 'Rows of a table, with --plain.',
      fallback: 20,
      shownDefault: '20',
      parse: positive,
      must: 'a number from 1',
    }),
    json: toggle('Print what happens within one interval as JSON, and exit.'),
    socket: socketFlag,
  },
  async run({ flags, operands }) {
    if (operands.length > 0) throw usageError('top takes no operand', 'hawser top')
    const { interval: intervalMs, sort, filter, service } = flags
    const view = { ...INITIAL_VIEW, sort, filter, opened: service }
    const { ConnectionsWatch } = await import('./top/watch.ts')
    const watch = new ConnectionsWatch(flags.socket)
    if (flags.json) {
      await watch.next(service)
      await setTimeout(intervalMs)
      const { services, ...rest } = await watch.next(service)
      process.stdout.write(`${JSON.stringify({ ...rest, services: visibleServices(view, services) })}\n`)
      return 0
    }
    const isTerminal = process.stdin.isTTY && process.stdout.isTTY
    if (flags.plain || !isTerminal) {
      const { runPlain } = await import('./top/plain.ts')
      return runPlain(watch, view, { intervalMs, count: flags.count, rows: flags.rows })
    }
    const { runLive } = await import('./top/live.ts')
    return runLive(watch, view, intervalMs)
  },
})
