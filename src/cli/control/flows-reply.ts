import type { FlowList, FlowQuery } from '../../dataplane/conntrack/list-flows.ts'
import { objectName } from '../../model/object-name.ts'
import { parseAddress } from '../../util/address.ts'

/** What `/flows` answers. */
export type FlowsReply = FlowList

/** More would be a file rather than an answer: `conntrack -L` is for those. */
export const MOST_FLOWS = 100_000

/** `NAMESPACE/NAME`, or a name in the namespace default. */
export function parseServiceName(text: string): ReturnType<typeof objectName> | undefined {
  const [first = '', second, ...more] = text.split('/')
  if (more.length > 0 || first === '' || second === '') return undefined
  return second === undefined ? objectName('default', first) : objectName(first, second)
}

/** `?service=NS/NAME&endpoint=IP&limit=N`, undefined when it is none. */
export function parseFlowQuery(query: URLSearchParams): FlowQuery | undefined {
  const [name, address, limit] = [query.get('service'), query.get('endpoint'), Number(query.get('limit'))]
  const service = name === null ? undefined : parseServiceName(name)
  const endpoint = address === null ? undefined : parseAddress(address)
  const isWrong = (name !== null && service === undefined) || (address !== null && endpoint === undefined)
  if (isWrong || !Number.isInteger(limit) || limit < 0 || limit > MOST_FLOWS) return undefined
  return { service, endpoint, limit }
}

export const flowQueryString = ({ service, endpoint, limit }: FlowQuery): string =>
  new URLSearchParams({
    ...(service === undefined ? {} : { service }),
    ...(endpoint === undefined ? {} : { endpoint }),
    limit: String(limit),
  }).toString()
