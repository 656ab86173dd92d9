import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { RuntimeError, type RuntimeErrorCode } from '../runtime/runtime-error.ts'
import { RequestError } from './request-error.ts'

/** An answer that says why there is no other. */
export interface Refusal {
  /** Of HTTP. */
  readonly status: number
  readonly message: string
}

const RUNTIME_STATUS: Readonly<Partial<Record<RuntimeErrorCode, number>>> = {
  RUNTIME_NOT_FOUND: 404,
  RUNTIME_UNAVAILABLE: 503,
  RUNTIME_DEADLINE: 504,
}

/** What is told to whoever sent a request that failed; what only the node's administrator is to know is logged. */
export function refusalOf(error: unknown, request: string, log: Logger): Refusal {
  if (error instanceof RequestError) {
    if (error.cause !== undefined)
      log.info({ request, error: errorMessage(error.cause) }, 'A request to the node is refused')
    return { status: error.status, message: error.message }
  }
  if (error instanceof RuntimeError)
    return { status: RUNTIME_STATUS[error.code] ?? 500, message: error.detail }
  // Our own mistake.
  const stack = error instanceof Error ? error.stack : String(error)
  log.error({ request, error: stack }, 'A request to the node cannot be answered')
  return { status: 500, message: errorMessage(error) }
}
