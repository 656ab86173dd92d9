import { formatProblem } from '../../model/problem.ts'
import { layOut } from '../text-table.ts'
import type { PodRow, ServiceRow, Snapshot } from './snapshot.ts'

/** A snapshot as lines of text, for people. */
export function renderSnapshot(snapshot: Snapshot): readonly string[] {
  const lines: string[] = []
  if (snapshot.services.length > 0) {
    const heading = ['SERVICE', 'TYPE', 'ADDRESS', 'NODE PORT', 'ENDPOINTS', 'STATE']
    lines.push(...layOut([heading, ...snapshot.services.map(serviceCells)]), '')
  }
  if (snapshot.pods.length > 0) {
    const heading = ['POD', 'READY', 'RESTARTS', 'ADDRESS', 'STATE']
    lines.push(...layOut([heading, ...snapshot.pods.map(podCells)]), '')
  }
  if (lines.length === 0) lines.push('Nothing runs here: the folder holds no Pod, Deployment or Service.', '')
  if (snapshot.urls.length > 0) lines.push(`Try: ${snapshot.urls.map((url) => `curl ${url}`).join('  ')}`, '')
  for (const problem of snapshot.problems) lines.push(`${problem.severity}: ${formatProblem(problem)}`)
  while (lines.at(-1) === '') lines.pop()
  return lines
}

const serviceCells = (row: ServiceRow): readonly string[] => [
  row.service,
  row.type,
  `${row.addresses.join(',')}/${row.protocol}`,
  row.nodePort === 0 ? '-' : String(row.nodePort),
  `${row.endpoints.ready}/${row.endpoints.total}`,
  row.state,
]

const podCells = (row: PodRow): readonly string[] => [
  row.pod,
  `${row.ready.containers}/${row.ready.total}`,
  String(row.restarts),
  row.addresses.join(',') || '-',
  row.message === '' || row.state === 'Running' ? row.state : `${row.state}: ${row.message}`,
]
