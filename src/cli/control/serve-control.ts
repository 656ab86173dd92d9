import { parseQuestion } from '../../dataplane/explain/question.ts'
import type { ServiceProxy } from '../../dataplane/proxy.ts'
import type { Problem } from '../../model/problem.ts'
import { parseAddress } from '../../util/address.ts'
import { type HttpServer, json, type Route, serveSocket, text } from '../http/serve.ts'
import { reportStatus } from './status-report.ts'

/** What `hawser status` and `hawser explain` talk to: `/status` and `/explain?to=VIP:PORT/PROTO&from=IP`, in JSON. */
export const serveControl = (
  path: string,
  proxy: Pick<ServiceProxy, 'status' | 'explain'>,
  otherProblems: () => readonly Problem[],
): Promise<HttpServer> =>
  serveSocket(
    path,
    new Map<string, Route>([
      ['/status', () => json(reportStatus(proxy.status(), otherProblems()))],
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
    ]),
  )

/** The socket's name in a state folder. */
export const CONTROL_SOCKET = 'control.sock'
