import { formatProblem } from '../../model/problem.ts'
import { layOut } from '../text-table.ts'
import type { FamilyReport, ServiceReport, StatusReport } from './status-report.ts'

/** The report as lines of text, for people. */
export function renderStatus(report: StatusReport): readonly string[] {
  const lines = [`hawser, process ${report.pid}`, '']
  const heading = ['FAMILY', 'MODE', 'LAST SYNC', 'STATE', 'IN THE KERNEL']
  lines.push(...layOut([heading, ...report.families.map(familyCells)]), '')
  if (report.services.length > 0) {
    const columns = ['SERVICE', 'PORT', 'KIND', 'ADDRESS', 'ENDPOINTS', 'STATE']
    lines.push(...layOut([columns, ...report.services.map(serviceCells)]), '')
  }
  for (const { family, error } of report.families)
    if (error !== null) lines.push(`error: ${family}: ${error}`)
  for (const problem of report.problems) lines.push(`${problem.severity}: ${formatProblem(problem)}`)
  while (lines.at(-1) === '') lines.pop()
  return lines
}

const familyCells = ({ family, mode, lastSync, pendingSince, error, objects }: FamilyReport): string[] => [
  family,
  mode,
  lastSync ?? 'never',
  error !== null ? 'failing' : pendingSince !== null ? `pending since ${pendingSince}` : 'in sync',
  Object.entries(objects)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', '),
]

const serviceCells = (row: ServiceReport): string[] => [
  row.service,
  row.port === '' ? '-' : row.port,
  row.kind,
  `${row.address === null ? 'node' : row.address.includes(':') ? `[${row.address}]` : row.address}:${row.number}/${row.protocol}`,
  String(row.endpoints),
  !row.inForce ? 'not in the kernel' : row.endpoints === 0 ? 'no endpoints' : 'answers',
]
