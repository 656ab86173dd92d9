import { type IpAddress, parseAddress } from '../util/address.ts'
import { defineCommand } from './command.ts'
import { usageError } from './command-error.ts'
import { askDaemon, socketFlag } from './control/ask.ts'
import { type FlowsReply, flowQueryString, MOST_FLOWS, parseServiceName } from './control/flows-reply.ts'
import { renderFlows } from './control/render-flows.ts'
import { toggle, value } from './flags.ts'

export const command = defineCommand({
  usage: 'flows [flags]',
  description: [
    'Lists connections to Services as the kernel tracks them on this node: who asked for which Service, and the endpoint',
    'that answers.',
  ].join(' '),
  flags: {
    service: value<ReturnType<typeof parseServiceName>>({
      metavar: 'NAMESPACE/NAME',
      help: 'Only those of this Service.',
      fallback: undefined,
      parse: parseServiceName,
      must: 'a Service such as default/web',
    }),
    endpoint: value<IpAddress | undefined>({
      metavar: 'IP',
      help: 'Only those that this endpoint answers.',
      fallback: undefined,
      parse: parseAddress,
      must: 'an IP address',
    }),
    limit: value({
      metavar: 'N',
      help: 'So many at most; of the others the number is said.',
      fallback: 1000,
      shownDefault: '1000',
      parse: (text) => (/^\d{1,6}$/.test(text) && Number(text) <= MOST_FLOWS ? Number(text) : undefined),
      must: `a number up to ${MOST_FLOWS}`,
    }),
    json: toggle('Print JSON, one connection a line.'),
    socket: socketFlag,
  },
  async run({ flags, operands }) {
    if (operands.length > 0) throw usageError('flows takes no operand', 'hawser flows --service default/web')
    const { service, endpoint, limit } = flags
    const query = flowQueryString({ service, endpoint, limit })
    const reply = await askDaemon<FlowsReply>(flags.socket, `/flows?${query}`)
    const lines = flags.json ? reply.flows.map((flow) => JSON.stringify(flow)) : renderFlows(reply)
    for (const line of lines) process.stdout.write(`${line}\n`)
    return 0
  },
})
