import type { IncomingMessage } from 'node:http'
import { KubeError } from '../error.ts'
import { readBody } from './exchange.ts'

/** A Status has some hundred bytes; a proxy's page of HTML has more, and nobody wants to read it all. */
const MAX_STATUS_BYTES = 64 * 1024
const MAX_SHOWN = 300

/** What a response of status 400 or more says, as an error. Reads the body. */
export async function refusal(
  response: IncomingMessage,
  what: string,
  timeoutMs: number,
): Promise<KubeError> {
  const status = response.statusCode ?? 0
  const limits = { limitBytes: MAX_STATUS_BYTES, timeoutMs }
  const body = await readBody(response, what, limits).catch(() => Buffer.alloc(0))
  return statusError(what, { code: status, ...parseStatus(body) }, retryAfterMs(response))
}

/** The parts of a meta/v1 Status that matter here. */
export interface Status {
  readonly code: number
  readonly reason?: string
  readonly message?: string
}

/** Turns a Status, of a response or inside a watch, into an error. */
export function statusError(what: string, { code, reason, message }: Status, retryAfter?: number): KubeError {
  const expired = code === 410 || reason === 'Expired' || reason === 'Gone'
  const said = message === undefined || message === '' ? '' : `: ${message.slice(0, MAX_SHOWN)}`
  return new KubeError(
    expired ? 'EXPIRED' : 'REFUSED',
    `cannot ${what}: the API server answered ${code}${reason ? ` ${reason}` : ''}${said}`,
    REMEDIES[code] ?? "it is tried again; see the API server's log",
    { status: code, ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }) },
  )
}

const REMEDIES: Readonly<Record<number, string>> = {
  400: 'check that the server is a Kubernetes API server of a supported version',
  401: 'renew the token or the client certificate',
  403: 'grant it with a ClusterRole and a ClusterRoleBinding',
  404: 'check that the server is a Kubernetes API server that serves this group and version',
  410: 'the objects are listed again',
  429: "it is tried again when the server asked for; lower the client's QPS if it stays so",
}

function parseStatus(body: Buffer): { reason?: string; message?: string } {
  const text = body.toString('utf8')
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return {}
    const reason = 'reason' in value && typeof value.reason === 'string' ? { reason: value.reason } : {}
    const message = 'message' in value && typeof value.message === 'string' ? { message: value.message } : {}
    return { ...reason, ...message }
  } catch {
    return text === '' ? {} : { message: text.replace(/\s+/g, ' ').trim() }
  }
}

/** Seconds or a date (RFC 9110 section 10.2.3). */
function retryAfterMs(response: IncomingMessage): number | undefined {
  const header = response.headers['retry-after']
  if (header === undefined) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}
