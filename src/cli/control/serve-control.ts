import { parseQuestion } from '../../dataplane/explain/question.ts'
import type { ServiceProxy } from '../../dataplane/proxy.ts'
import type { Problem } from '../../model/problem.ts'
import { parseAddress } from '../../util/address.ts'
import { type Answer, type HttpServer, json, type Route, serveSocket, text } from '../http/serve.ts'
import { connectionsReply } from './connections-reply.ts'
import { MOST_FLOWS, parseFlowQuery, parseServiceName } from './flows-reply.ts'
import { pacedJson } from './paced-json.ts'
import { reportStatus } from './status-report.ts'

/**
 * What `hawser status`, `explain`, `top` and `flows` talk to, in JSON: `/status`, `/explain?to=VIP:PORT/PROTO&from=IP`,
 * `/connections?service=NS/NAME` and `/flows?service=NS/NAME&endpoint=IP&limit=N`.
 */
export const serveControl = (
  path: string,
  proxy: Pick<ServiceProxy, 'status' | 'explain' | 'conntrackStatus' | 'connections' | 'flows'>,
  otherProblems: () => readonly Problem[],
): Promise<HttpServer> =>
  serveSocket(
    path,
    new Map<string, Route>([
      [
        '/status',
        async () => {
          const { services, ...head } = reportStatus(proxy.status(), otherProblems())
          return longJson(await pacedJson(head, 'services', services))
        },
      ],
      [
        '/explain',
        async (query) => {
          const from = query.get('from')
          const source = from === null ? undefined : parseAddress(from)
          const question = parseQuestion(query.get('to') ?? '', source)
          if (question === undefined || (from !== null && source === undefined))
            return text('explain takes ?to=VIP:PORT/PROTO&from=IP', 400)
          return json(await proxy.explain(question))
        },
      ],
      [
        '/connections',
        async (query) => {
          const name = query.get('service')
          const service = name === null ? undefined : parseServiceName(name)
          if (name !== null && service === undefined) return text('connections takes ?service=NS/NAME', 400)
          const { services, ...head } = connectionsReply(
            proxy.conntrackStatus(),
            await proxy.connections(service),
          )
          return longJson(await pacedJson(head, 'services', services))
        },
      ],
      [
        '/flows',
        async (query) => {
          const asked = parseFlowQuery(query)
          if (asked === undefined)
            return text(`flows takes ?service=NS/NAME&endpoint=IP&limit=N, N up to ${MOST_FLOWS}`, 400)
          const { flows, ...head } = await proxy.flows(asked)
          return longJson(await pacedJson(head, 'flows', flows))
        },
      ],
    ]),
  )

const longJson = (body: string): Answer => ({ status: 200, type: 'application/json', body })

/** The socket's name in a state folder. */
export const CONTROL_SOCKET = 'control.sock'
