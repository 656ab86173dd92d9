export type ServerErrorCode = 'ADDRESS_UNUSABLE' | 'CERTIFICATE_UNUSABLE'

/** The node's API cannot be served. The message says what was being done to what, and what to do. */
export class ServerError extends Error {
  override readonly name = 'ServerError'
  readonly code: ServerErrorCode
  /** What to do about it, in one sentence without a full stop. */
  readonly remedy: string

  constructor(code: ServerErrorCode, message: string, remedy: string, options?: ErrorOptions) {
    super(`${message} (${remedy})`, options)
    this.code = code
    this.remedy = remedy
  }
}
