import {
  type Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import { request as httpsRequest } from 'node:https'
import { errorMessage } from '../../util/error-message.ts'
import { KubeError } from '../error.ts'

export interface Exchange {
  readonly agent: Agent
  readonly method: string
  readonly url: URL
  readonly headers: OutgoingHttpHeaders
  readonly body: string | undefined
  /** How long the server may take to its response head. */
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** A kept connection that the server had closed by the time it was used again: the request was not served. */
export class StaleConnection extends Error {}

/** Sends one request and resolves with the response's head; its body is still to be read or destroyed. */
export function exchange(given: Exchange): Promise<IncomingMessage> {
  const { agent, method, url, headers, body, timeoutMs, signal } = given
  const what = `${method} ${url.href}`
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    // Node says nothing of a DELETE's body on its own, and a server then takes it for having none.
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const options = {
      agent,
      method,
      headers: { ...headers, ...length },
      ...(signal === undefined ? {} : { signal }),
    }
    let request: ClientRequest
    try {
      request = send(url, options)
    } catch (error) {
      // A certificate and a key that are no pair: one of the two files has been replaced, the other not yet.
      reject(unreachable(what, error))
      return
    }
    const deadline = setTimeout(() => {
      request.destroy(
        new KubeError(
          'TIMEOUT',
          `cannot ${what}: no answer within ${timeoutMs} ms`,
          'it is tried again; check the network and the API server',
        ),
      )
    }, timeoutMs)
    request.once('response', (response) => {
      clearTimeout(deadline)
      resolve(response)
    })
    // Also after the response's head, when nobody waits for it any more.
    request.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(deadline)
      if (error instanceof KubeError || signal?.aborted) reject(error)
      else if (request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE'))
        reject(new StaleConnection(errorMessage(error), { cause: error }))
      else reject(unreachable(what, error))
    })
    request.end(body)
  })
}

/** Reads a body to its end. Rejects when it breaks, exceeds `limitBytes`, or pauses for longer than `timeoutMs`. */
export async function readBody(
  response: IncomingMessage,
  what: string,
  { limitBytes, timeoutMs }: { limitBytes: number; timeoutMs: number },
): Promise<Buffer> {
  const deadline = setTimeout(() => {
    response.destroy(
      new KubeError('TIMEOUT', `cannot ${what}: the answer stopped for ${timeoutMs} ms`, 'it is tried again'),
    )
  }, timeoutMs)
  const parts: Buffer[] = []
  let length = 0
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      deadline.refresh()
      length += part.length
      if (length > limitBytes)
        throw new KubeError(
          'GARBAGE',
          `cannot ${what}: the answer is longer than ${limitBytes} bytes`,
          'check what answers at this address',
        )
      parts.push(part)
    }
  } catch (error) {
    throw error instanceof KubeError ? error : unreachable(what, error)
  } finally {
    clearTimeout(deadline)
    response.destroy()
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
}

/** Codes of OpenSSL and Node for a certificate that is not accepted (node:tls, "X509 certificate error codes"). */
const CERTIFICATE = /CERT|SIGNATURE|ISSUER|ALTNAME|CRL/

export function unreachable(what: string, error: unknown): KubeError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const remedy = CERTIFICATE.test(code)
    ? "check certificate-authority and tls-server-name against the server's certificate"
    : 'it is tried again; check the network and the API server'
  return new KubeError('UNREACHABLE', `cannot ${what}: ${errorMessage(error) || code}`, remedy, {
    cause: error,
  })
}
