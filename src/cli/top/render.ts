import { LIFETIME_BOUNDS_SECONDS } from '../../native/conntrack-events.ts'
import { endpointTable, formatBytes, formatRate, serviceTable } from './format-rates.ts'
import type { ServiceRow, Snapshot } from './rates.ts'
import { byChoice, type SortBy, selectedService, type View, visibleServices } from './view.ts'

/** One line of the screen. */
export interface Line {
  readonly text: string
  readonly style: 'plain' | 'heading' | 'selected' | 'alarm'
}

export interface Size {
  readonly columns: number
  readonly rows: number
}

/** What is drawn: as many lines as the screen has rows at most, none longer than it is wide. */
export function renderTop(
  snapshot: Snapshot | undefined,
  view: View,
  size: Size,
  trouble: string | undefined,
): readonly Line[] {
  const head = headLines(snapshot, trouble)
  const foot = [plain(footText(view))]
  const room = size.rows - head.length - foot.length
  const body = snapshot === undefined ? [] : bodyLines(snapshot, view, room)
  const filler = Array.from({ length: Math.max(0, room - body.length) }, () => plain(''))
  return [...head, ...body, ...filler, ...foot]
    .slice(0, size.rows)
    .map(({ text, style }) => ({ text: text.slice(0, size.columns), style }))
}

const plain = (text: string): Line => ({ text, style: 'plain' })
const alarm = (text: string): Line => ({ text, style: 'alarm' })

function headLines(snapshot: Snapshot | undefined, trouble: string | undefined): readonly Line[] {
  if (snapshot === undefined) return [plain('hawser top'), trouble === undefined ? plain('') : alarm(trouble)]
  const { at, seconds, total, services, lostEvents, countsBytes, notCounted } = snapshot
  const rates =
    seconds === 0
      ? ['measuring']
      : [
          `${formatRate(total.opened)} new/s`,
          ...(countsBytes === false ? [] : [`${formatBytes(total.bytes)}/s`]),
          `${formatRate(total.unreplied)} unanswered/s`,
        ]
  const told = [
    `${services.length} Services`,
    `${total.active} active`,
    ...rates,
    `${lostEvents} events lost`,
  ]
  const clock = new Date(at).toTimeString().slice(0, 8)
  const warning = trouble ?? (notCounted === null ? undefined : `connections are not counted: ${notCounted}`)
  return [
    plain(`hawser top ${clock}  ${told.join(', ')}`),
    warning === undefined ? plain('') : alarm(warning),
  ]
}

const SORTED_BY: Readonly<Record<SortBy, string>> = {
  opened: 'new/s',
  active: 'active',
  bytes: 'bytes/s',
  failing: 'failing',
}

function footText({ typing, filter, sort, opened }: View): string {
  if (typing) return `filter: ${filter}_  (Enter keeps it, Esc clears it)`
  const order = `by ${SORTED_BY[sort]}${filter === '' ? '' : `, filter ${filter}`}`
  const way = opened === undefined ? '/ filter  arrows and Enter endpoints' : 'Esc back'
  return `${order} | n new/s  a active  b bytes/s  f failing  ${way}  q quit`
}

function bodyLines(snapshot: Snapshot, view: View, room: number): readonly Line[] {
  if (view.opened === undefined) return serviceLines(snapshot, view, room)
  const service = snapshot.services.find(({ service }) => service === view.opened)
  return endpointLines(view.opened, service, snapshot, view).slice(0, room)
}

function serviceLines(snapshot: Snapshot, view: View, room: number): readonly Line[] {
  const services = visibleServices(view, snapshot.services)
  const selected = selectedService(view, snapshot.services)
  const at = services.findIndex(({ service }) => service === selected)
  // The heading takes a row, and the cursor stays in sight.
  const first = Math.max(0, at - (room - 2))
  const shown = services.slice(first, first + Math.max(0, room - 1))
  const [heading = '', ...rows] = serviceTable(shown, snapshot)
  const none = view.filter === '' ? 'no Service had a connection yet' : 'no Service passes the filter'
  return [
    { text: heading, style: 'heading' },
    ...(shown.length === 0 ? [plain(none)] : []),
    ...rows.map((text, i): Line => {
      const row = shown[i]
      const style = row?.service === selected ? 'selected' : row?.failing.length === 0 ? 'plain' : 'alarm'
      return { text, style }
    }),
  ]
}

function endpointLines(
  name: string,
  service: ServiceRow | undefined,
  snapshot: Snapshot,
  { sort }: View,
): readonly Line[] {
  if (service === undefined) return [plain(`Service ${name} had no connection yet`)]
  const endpoints = [...service.endpoints].sort(
    (a, b) => byChoice(sort, a, b, ({ fails }) => Number(fails)) || (a.endpoint < b.endpoint ? -1 : 1),
  )
  const [heading = '', ...rows] = endpointTable(endpoints, snapshot)
  return [
    plain(`Service ${name}${lifetimeText(service.lifetimes)}`),
    { text: heading, style: 'heading' },
    ...rows.map((text, i): Line => ({ text, style: endpoints[i]?.fails === true ? 'alarm' : 'plain' })),
  ]
}

/** By the bounds that the kernel's events are sorted into; nothing where it keeps no times. */
function lifetimeText(lifetimes: readonly number[]): string {
  const all = lifetimes.reduce((sum, count) => sum + count, 0)
  if (all === 0) return ''
  const within = (share: number): string => {
    const upTo = lifetimes.map((_, i) => lifetimes.slice(0, i + 1).reduce((sum, count) => sum + count, 0))
    const bound = LIFETIME_BOUNDS_SECONDS[upTo.findIndex((sum) => sum >= share * all)]
    return bound === undefined ? `over ${LIFETIME_BOUNDS_SECONDS.at(-1)} s` : `up to ${bound} s`
  }
  return `: half of its connections last ${within(0.5)}, nine tenths ${within(0.9)}`
}
