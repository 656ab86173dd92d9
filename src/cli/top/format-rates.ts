import { columnWidths, layOut } from '../text-table.ts'
import type { EndpointRow, Rates, ServiceRow, Snapshot } from './rates.ts'

/** Failing endpoints that are named in a row; of the others the number is said. */
const NAMED_FAILING = 2

export const SERVICE_COLUMNS = ['SERVICE', 'NEW/S', 'ACTIVE', 'BYTES/S', 'UNANSWERED/S', 'FAILING'] as const
export const ENDPOINT_COLUMNS = [
  'ENDPOINT',
  'PORT',
  'NEW/S',
  'ACTIVE',
  'BYTES/S',
  'UNANSWERED/S',
  'STATE',
] as const

/** Rows of text under their headings, numbers to the right of their columns. */
export const serviceTable = (rows: readonly ServiceRow[], snapshot: Snapshot): readonly string[] =>
  layOutNumbers([SERVICE_COLUMNS, ...rows.map((row) => serviceCells(row, snapshot))], 1, 4)

export const endpointTable = (rows: readonly EndpointRow[], snapshot: Snapshot): readonly string[] =>
  layOutNumbers([ENDPOINT_COLUMNS, ...rows.map((row) => endpointCells(row, snapshot))], 2, 5)

export const serviceCells = (row: ServiceRow, snapshot: Snapshot): readonly string[] => [
  row.service,
  ...rateCells(row, snapshot),
  failingText(row.failing),
]

export const endpointCells = (row: EndpointRow, snapshot: Snapshot): readonly string[] => [
  row.endpoint,
  row.port,
  ...rateCells(row, snapshot),
  row.fails ? 'failing' : '-',
]

/** Rates are unknown in the first snapshot, bytes where the kernel does not count them. */
export function rateCells(row: Rates, { seconds, countsBytes }: Snapshot): readonly string[] {
  const known = seconds > 0
  return [
    known ? formatRate(row.opened) : '-',
    String(row.active),
    known && countsBytes !== false ? formatBytes(row.bytes) : '-',
    known ? formatRate(row.unreplied) : '-',
  ]
}

function failingText(failing: readonly string[]): string {
  if (failing.length === 0) return '-'
  const more = failing.length - NAMED_FAILING
  return `${failing.slice(0, NAMED_FAILING).join(' ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** `0`, `0.3`, `12.5`, `340`. */
export const formatRate = (perSecond: number): string =>
  perSecond === 0 ? '0' : perSecond < 99.95 ? perSecond.toFixed(1) : String(Math.round(perSecond))

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** Decimal units, as networks have them: `0 B`, `950 B`, `1.2 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}

/** layOut, with the cells of the columns from `first` to `last` at their right edge. */
function layOutNumbers(rows: readonly (readonly string[])[], first: number, last: number): readonly string[] {
  const widths = columnWidths(rows)
  return layOut(
    rows.map((row) =>
      row.map((cell, column) =>
        column >= first && column <= last ? cell.padStart(widths[column] ?? 0) : cell,
      ),
    ),
  )
}
