/**
 * - `KUBECONFIG_INVALID`: a kubeconfig, or a file that it names, is missing or does not say what it must.
 * - `NOT_IN_CLUSTER`: the pod's service account is not there.
 * - `CREDENTIALS_UNAVAILABLE`: no token or certificate could be had (token file, exec plugin).
 * - `UNREACHABLE`: no connection, or it broke before an answer was complete.
 * - `TIMEOUT`: the server stayed silent for too long.
 * - `REFUSED`: the server answered with a status of 400 or more; `status` says which.
 * - `EXPIRED`: the server has forgotten the resource version (410): list again.
 * - `GARBAGE`: the answer is not what the Kubernetes API defines.
 */
export type KubeErrorCode =
  | 'KUBECONFIG_INVALID'
  | 'NOT_IN_CLUSTER'
  | 'CREDENTIALS_UNAVAILABLE'
  | 'UNREACHABLE'
  | 'TIMEOUT'
  | 'REFUSED'
  | 'EXPIRED'
  | 'GARBAGE'

export interface KubeErrorDetails {
  /** The HTTP status, or the `code` of a meta/v1 Status inside a watch. */
  readonly status?: number
  /** What the server asked to wait (`Retry-After`), in ms. */
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

/** Something that the API client could not do. The message says what was being done to what, and what to do. */
export class KubeError extends Error {
  override readonly name = 'KubeError'
  readonly code: KubeErrorCode
  /** What to do about it, in one sentence without a full stop. */
  readonly remedy: string
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: KubeErrorCode, message: string, remedy: string, details: KubeErrorDetails = {}) {
    super(`${message} (${remedy})`, { cause: details.cause })
    this.code = code
    this.remedy = remedy
    this.status = details.status
    this.retryAfterMs = details.retryAfterMs
  }
}
