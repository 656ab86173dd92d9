import { layOut } from '../text-table.ts'
import type { FlowsReply } from './flows-reply.ts'

/** Connections as lines of text, for people. */
export function renderFlows({ flows, matched }: FlowsReply): readonly string[] {
  if (matched === 0) return ['No connection.']
  const rows = flows.map(
    ({ service, portName, protocol, client, frontend, endpoint, replied, timeoutSeconds }) => [
      service === undefined ? '(no Service)' : `${service}${portName === '' ? '' : `:${portName}`}`,
      protocol,
      client,
      frontend,
      endpoint,
      replied ? 'answered' : 'unanswered',
      `${timeoutSeconds} s`,
    ],
  )
  const heading = ['SERVICE', 'PROTOCOL', 'CLIENT', 'TO', 'ENDPOINT', 'STATE', 'FORGOTTEN IN']
  const more = matched - flows.length
  return [...layOut([heading, ...rows]), ...(more > 0 ? [`and ${more} more: --limit shows them`] : [])]
}
