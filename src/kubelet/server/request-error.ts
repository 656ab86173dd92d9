/**
 * - `BAD_REQUEST`: what was asked for cannot be understood, or not now.
 * - `UNAUTHENTICATED`, `FORBIDDEN`: who asks is not known, or may not.
 * - `NOT_FOUND`, `METHOD_NOT_ALLOWED`, `INVALID`: as HTTP has them.
 * - `FAILED`: the node itself could not do it.
 * - `UNAVAILABLE`: somebody who is needed for it does not answer: the API server, the runtime.
 */
export type RequestErrorCode =
  | 'BAD_REQUEST'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'INVALID'
  | 'FAILED'
  | 'UNAVAILABLE'

const STATUS: Readonly<Record<RequestErrorCode, number>> = {
  BAD_REQUEST: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  INVALID: 422,
  FAILED: 500,
  UNAVAILABLE: 503,
}

/** A request to the node that is refused; kubectl shows the message as it is. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: RequestErrorCode

  constructor(code: RequestErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  /** Of HTTP. */
  get status(): number {
    return STATUS[this.code]
  }
}
