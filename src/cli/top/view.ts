import type { Key } from './keys.ts'
import type { Rates, ServiceRow } from './rates.ts'

/** What rows are ordered by, largest first. */
export type SortBy = 'opened' | 'active' | 'bytes' | 'failing'

/** What the user has chosen to see. A value: keys make another one of it. */
export interface View {
  readonly sort: SortBy
  /** Part of the names of Services that are shown. */
  readonly filter: string
  /** Keys go into the filter. */
  readonly typing: boolean
  /** The Service under the cursor, whatever its row is by now. */
  readonly selected: string | undefined
  /** The Service whose endpoints are shown. */
  readonly opened: string | undefined
  readonly quit: boolean
}

export const INITIAL_VIEW: View = {
  sort: 'opened',
  filter: '',
  typing: false,
  selected: undefined,
  opened: undefined,
  quit: false,
}

const SORT_KEYS: ReadonlyMap<Key, SortBy> = new Map([
  ['n', 'opened'],
  ['a', 'active'],
  ['b', 'bytes'],
  ['f', 'failing'],
])

/** What a key makes of a view over these Services. */
export function press(view: View, key: Key, services: readonly ServiceRow[]): View {
  if (key === 'ctrl-c') return { ...view, quit: true }
  if (view.typing) return typed(view, key)
  const sort = SORT_KEYS.get(key)
  if (sort !== undefined) return { ...view, sort }
  switch (key) {
    case 'q':
      return { ...view, quit: true }
    case '/':
      return { ...view, typing: true, opened: undefined }
    case 'escape':
    case 'left':
      return view.opened === undefined ? { ...view, filter: '' } : { ...view, opened: undefined }
    case 'enter':
    case 'right':
      return { ...view, opened: view.opened ?? selectedService(view, services) }
    case 'up':
    case 'k':
      return moved(view, -1, services)
    case 'down':
    case 'j':
      return moved(view, 1, services)
    default:
      return view
  }
}

function typed(view: View, key: Key): View {
  if (key === 'enter') return { ...view, typing: false }
  if (key === 'escape') return { ...view, typing: false, filter: '' }
  if (key === 'backspace') return { ...view, filter: view.filter.slice(0, -1) }
  return key.length === 1 ? { ...view, filter: view.filter + key } : view
}

function moved(view: View, by: number, services: readonly ServiceRow[]): View {
  const names = visibleServices(view, services).map(({ service }) => service)
  const at = names.indexOf(selectedService(view, services) ?? '')
  const selected = names[Math.min(names.length - 1, Math.max(0, at + by))]
  return { ...view, selected }
}

/** The Service under the cursor: the first one until another is chosen, or when that is gone. */
export function selectedService(view: View, services: readonly ServiceRow[]): string | undefined {
  const visible = visibleServices(view, services)
  return (visible.find(({ service }) => service === view.selected) ?? visible[0])?.service
}

/** The Services that pass the filter, in order. */
export const visibleServices = (
  { filter, sort }: View,
  services: readonly ServiceRow[],
): readonly ServiceRow[] =>
  services
    .filter(({ service }) => service.includes(filter))
    .sort((a, b) => byChoice(sort, a, b, ({ failing }) => failing.length) || (a.service < b.service ? -1 : 1))

/** Larger first; what fails is ordered by how many do, then by how many connections that costs. */
export function byChoice<Row extends Rates>(
  sort: SortBy,
  a: Row,
  b: Row,
  failing: (row: Row) => number,
): number {
  if (sort === 'failing') return failing(b) - failing(a) || b.unreplied - a.unreplied
  return b[sort] - a[sort]
}
