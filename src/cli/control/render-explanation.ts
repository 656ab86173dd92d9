import type { ConnectionNumbers } from '../../dataplane/conntrack/connection-report.ts'
import type {
  ClientKind,
  ExplainedEndpoint,
  ExplainedFrontend,
  Explanation,
  KernelObjects,
  LiveConnections,
  Treatment,
} from '../../dataplane/explain/explanation.ts'
import type { Question } from '../../dataplane/explain/question.ts'
import { formatProblem } from '../../model/problem.ts'
import { layOut } from '../text-table.ts'

/** Connections named one by one; of the others the number is said. */
const NAMED_CONNECTIONS = 10

/** The explanation as lines of text, for people. */
export function renderExplanation(explanation: Explanation): readonly string[] {
  const { question, frontend, treatments, kernel, counted, connections, problems } = explanation
  const lines = [describeQuestion(question), ...(frontend === undefined ? [] : describeFrontend(frontend))]
  const shown = new Set<string>()
  for (const treatment of treatments) {
    lines.push('', ...describeTreatment(treatment, question, frontend))
    // The same endpoints twice would hide what differs.
    const endpoints = JSON.stringify(treatment.endpoints)
    if (shown.has(endpoints)) lines.push('  of the same endpoints')
    else lines.push(...describeEndpoints(treatment.endpoints, frontend))
    shown.add(endpoints)
  }
  if (kernel.lines.length > 0) lines.push('', ...describeKernel(kernel), ...indent(kernel.lines))
  if (frontend !== undefined) lines.push('', ...describeCounts(counted), ...describeConnections(connections))
  if (problems.length > 0)
    lines.push('', ...problems.map((problem) => `${problem.severity}: ${formatProblem(problem)}`))
  return lines
}

const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`)

function describeQuestion({ address, port, protocol, from }: Question): string {
  const at = address.includes(':') ? `[${address}]` : address
  return `${at}:${port}/${protocol}${from === undefined ? '' : ` from ${from}`}`
}

function describeFrontend(frontend: ExplainedFrontend): readonly string[] {
  const { service, portName, kind, affinitySeconds, sourceRanges, inForce } = frontend
  const port = portName === '' ? '' : `, port ${portName}`
  const policy =
    kind === 'ClusterIP'
      ? `internalTrafficPolicy ${frontend.internalTrafficPolicy}`
      : `externalTrafficPolicy ${frontend.externalTrafficPolicy}`
  return [
    `  ${kind} of Service ${service}${port}; ${policy}`,
    ...(affinitySeconds > 0
      ? [`  a client keeps its endpoint for ${affinitySeconds} s (ClientIP affinity)`]
      : []),
    ...(sourceRanges.length > 0 ? [`  loadBalancerSourceRanges: ${sourceRanges.join(', ')}`] : []),
    ...(inForce ? [] : ['  NOT in the kernel as it should be: see hawser status']),
  ]
}

const CLIENTS: Readonly<Record<ClientKind, string>> = {
  pod: 'pods of this node',
  node: 'this node',
  outside: 'clients outside',
}

function describeTreatment(
  { clients, fate, why, masquerade }: Treatment,
  { from }: Question,
  frontend: ExplainedFrontend | undefined,
): readonly string[] {
  const who =
    clients.length === 3 || frontend === undefined
      ? 'Connections'
      : `Connections from ${from === undefined ? clients.map((kind) => CLIENTS[kind]).join(' and ') : CLIENTS[clients[0] ?? 'outside']}`
  const lines = [`${who} are ${fate === 'passed' ? 'not touched' : fate}: ${why}.`]
  if (fate === 'balanced')
    lines.push(`  masqueraded: ${masquerade.applies ? 'yes' : 'no'}, ${masquerade.why}`)
  return lines
}

function describeEndpoints(
  endpoints: readonly ExplainedEndpoint[],
  frontend: ExplainedFrontend | undefined,
): readonly string[] {
  const rows = endpoints.map(({ address, port, nodeName, zone, taken, why }) => [
    `  ${taken ? 'taken' : 'refused'}`,
    address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
    nodeName ?? '-',
    zone ?? '-',
    why,
  ])
  if (rows.length > 0) return layOut([['  ENDPOINT', 'ADDRESS', 'NODE', 'ZONE', 'WHY'], ...rows])
  return frontend === undefined ? [] : ['  no EndpointSlice of the Service names an endpoint for this port']
}

const COUNTS: Readonly<Record<KernelObjects['counts'], string>> = {
  read: 'In the kernel, [packets:bytes] as counted by it:',
  none: 'In the kernel; what is counted here is connections, by conntrack:',
  unreadable: 'In the kernel, as committed; its counters could not be read:',
}

const describeKernel = ({ counts }: KernelObjects): readonly string[] => [COUNTS[counts]]

function describeCounts(counted: Explanation['counted']): readonly string[] {
  if (counted === undefined) return ['Connections are not counted: see hawser status.']
  const line = ({ opened, active, unreplied }: ConnectionNumbers): string =>
    `${opened} opened, ${active} active, ${unreplied} ended without an answer`
  return [
    `Counted since the daemon began: ${line(counted.frontend)}`,
    ...counted.endpoints.map(
      ({ endpoint, numbers }) => `  ${endpoint}, of all its frontends: ${line(numbers)}`,
    ),
  ]
}

function describeConnections({ listed, total }: LiveConnections): readonly string[] {
  if (total === 0) return ['No live connection.']
  const named = listed
    .slice(0, NAMED_CONNECTIONS)
    .map(
      ({ client, endpoint, timeoutSeconds }) =>
        `  ${client} -> ${endpoint}, forgotten in ${timeoutSeconds} s`,
    )
  const more = total - named.length
  return ['Live connections:', ...named, ...(more > 0 ? [`  and ${more} more`] : [])]
}
