import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIPv6 } from 'node:net'
import type { Answer } from './answer.ts'

export interface HttpQuestion {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  readonly path: string
  readonly headers: readonly { readonly name: string; readonly value: string }[]
}

/** Redirects to the same host that are followed. */
const MAX_REDIRECTS = 10

/**
 * Any status from 200 to 399 passes (core/v1 HTTPGetAction). A redirect is followed while it stays with the host; one
 * that leads away passes as it is, since what another host says is no news of this one. Certificates are not checked.
 * Rejects when no answer comes.
 */
export async function askHttp(question: HttpQuestion, signal: AbortSignal): Promise<Answer> {
  const { scheme, host, port, path } = question
  let url = new URL(`${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}`)
  // Set apart: a URL would take the path's escapes for its own.
  let target = path
  for (let redirects = 0; ; redirects++) {
    const response = await get(url, target, question, signal)
    const status = response.statusCode ?? 0
    const location = status >= 300 && status < 400 ? response.headers.location : undefined
    const next = location === undefined ? undefined : new URL(location, new URL(target, url))
    if (next === undefined || next.hostname !== url.hostname)
      return { passed: status >= 200 && status < 400, message: `HTTP status ${status}` }
    if (redirects === MAX_REDIRECTS) return { passed: false, message: `more than ${MAX_REDIRECTS} redirects` }
    url = next
    target = next.pathname + next.search
  }
}

function get(
  url: URL,
  path: string,
  { headers }: HttpQuestion,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const options: RequestOptions & { rejectUnauthorized: boolean } = {
    path,
    headers: { 'user-agent': 'kube-probe/hawser', accept: '*/*', ...merge(headers) },
    signal,
    // One connection a question: it is the way in that is asked about, too.
    agent: false,
    rejectUnauthorized: false,
  }
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (response) => {
      // Nobody reads what it says, and it may be long.
      response.destroy()
      resolve(response)
    })
    request.once('error', (error) => reject(signal.aborted ? new Error('no answer in time') : error))
    request.end()
  })
}

/** Headers of one name together, in order; one alone stays alone, since `host` may not be a list. */
function merge(headers: HttpQuestion['headers']): Record<string, string | string[]> {
  const merged: Record<string, string | string[]> = {}
  for (const { name, value } of headers) {
    const lower = name.toLowerCase()
    const before = merged[lower]
    merged[lower] = before === undefined ? value : [before, value].flat()
  }
  return merged
}
