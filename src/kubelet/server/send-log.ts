import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { errorMessage } from '../../util/error-message.ts'
import { readLog } from '../logs/read-log.ts'
import { parseLogQuery } from './log-query.ts'
import type { ContainerAddress, PodAccess } from './pod-access.ts'
import { RequestError } from './request-error.ts'

/**
 * Sends what a container printed, no faster than the client takes it. Resolves when all is sent or the client is gone.
 * Rejects with a RequestError before anything is sent, with the file system's error afterwards.
 */
export async function sendLog(
  pods: Pick<PodAccess, 'log'>,
  at: ContainerAddress,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const { previous, ...options } = parseLogQuery(query, Date.now())
  const { file, writer } = pods.log(at, previous)
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const pieces = await readLog(file, options, writer, gone.signal).catch((error: unknown) => {
    throw new RequestError(
      'FAILED',
      `the log of container "${at.container}" cannot be read: ${errorMessage(error)}`,
    )
  })
  response.writeHead(200, { 'content-type': 'text/plain', 'x-content-type-options': 'nosniff' })
  // Who follows a silent container is to see that it works.
  response.flushHeaders()
  for await (const piece of pieces) {
    if (!response.write(piece) && !(await hasDrained(response, gone.signal))) return
  }
  response.end()
}

/** False: nobody takes it any more. */
async function hasDrained(response: ServerResponse, gone: AbortSignal): Promise<boolean> {
  try {
    await once(response, 'drain', { signal: gone })
    return true
  } catch {
    return false
  }
}
