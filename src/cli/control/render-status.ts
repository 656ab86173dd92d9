import { formatProblem } from '../../model/problem.ts'
import { layOut } from '../text-table.ts'
import type { ConnectionTrackingReport, FamilyReport, ServiceReport, StatusReport } from './status-report.ts'

/** The report as lines of text, for people. */
export function renderStatus(report: StatusReport): readonly string[] {
  const lines = [`hawser, process ${report.pid}`, '']
  const heading = ['FAMILY', 'MODE', 'LAST SYNC', 'STATE', 'LAST AUDIT', 'IN THE KERNEL']
  lines.push(...layOut([heading, ...report.families.map(familyCells)]), '')
  if (report.connections !== null) lines.push(...connectionLines(report.connections), '')
  if (report.services.length > 0) {
    const columns = ['SERVICE', 'PORT', 'KIND', 'ADDRESS', 'ENDPOINTS', 'STATE']
    lines.push(...layOut([columns, ...report.services.map(serviceCells)]), '')
  }
  for (const { family, error, finding } of report.families) {
    if (error !== null) lines.push(`error: ${family}: ${error}`)
    if (finding !== null) lines.push(...findingLines(family, finding))
  }
  for (const problem of report.problems) lines.push(`${problem.severity}: ${formatProblem(problem)}`)
  while (lines.at(-1) === '') lines.pop()
  return lines
}

function connectionLines(report: ConnectionTrackingReport): readonly string[] {
  const { notCounted, notCleaned, engine, countsBytes, lostEvents, resyncs, staleDeleted } = report
  const by = engine === 'ebpf' ? 'inside of the kernel' : 'event by event'
  const bytes = countsBytes === false ? ', their bytes are not (net.netfilter.nf_conntrack_acct is 0)' : ''
  return [
    notCounted === null
      ? `Connections are counted ${by}${bytes}: ${lostEvents} events lost, counted anew ${resyncs} times`
      : `Connections are NOT counted: ${notCounted}`,
    notCleaned === null
      ? `Stale connections are deleted: ${staleDeleted} so far`
      : `Stale connections are NOT deleted: ${notCleaned}`,
  ]
}

/** Differences of an audit that are named; of the others the number is said. */
const NAMED_DIFFERENCES = 5

function findingLines(family: string, finding: NonNullable<FamilyReport['finding']>): readonly string[] {
  const { at, result, differences } = finding
  const more = differences.length - NAMED_DIFFERENCES
  return [
    `audit: ${family}: ${result} at ${at}${differences.length > 0 ? ', somebody else changed our objects:' : ''}`,
    ...differences.slice(0, NAMED_DIFFERENCES).map((difference) => `  ${difference}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ]
}

const familyCells = ({
  family,
  mode,
  lastSync,
  pendingSince,
  error,
  audit,
  objects,
}: FamilyReport): string[] => [
  family,
  mode,
  lastSync ?? 'never',
  error !== null ? 'failing' : pendingSince !== null ? `pending since ${pendingSince}` : 'in sync',
  audit === null ? 'none yet' : `${audit.result} at ${audit.at}`,
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
