import { type ServiceError, status } from '@grpc/grpc-js'

export type RuntimeErrorCode =
  /** Nobody answers on the socket. Containers keep running; the call may be repeated once the runtime is back. */
  | 'RUNTIME_UNAVAILABLE'
  /** No answer within the deadline; whether the runtime still works on it is unknown. */
  | 'RUNTIME_DEADLINE'
  | 'RUNTIME_NOT_FOUND'
  /** The runtime has no such call: an older version, or another implementation. */
  | 'RUNTIME_UNIMPLEMENTED'
  | 'RUNTIME_REFUSED'

/** A CRI call that failed. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError'
  readonly code: RuntimeErrorCode
  /** The CRI call in the metrics' words (`run_podsandbox`). */
  readonly operation: string
  /** The runtime's own words alone, without ours around them: fit for a pod's status. */
  readonly detail: string

  constructor(code: RuntimeErrorCode, operation: string, detail: string, message: string) {
    super(message)
    this.code = code
    this.operation = operation
    this.detail = detail
  }
}

/** True when `error` says that the runtime is away, as opposed to having answered with a failure. */
export const isRuntimeAway = (error: unknown): boolean =>
  error instanceof RuntimeError && error.code === 'RUNTIME_UNAVAILABLE'

const CODES = new Map<number, RuntimeErrorCode>([
  [status.UNAVAILABLE, 'RUNTIME_UNAVAILABLE'],
  // What a call in flight ends with when its connection is torn down.
  [status.CANCELLED, 'RUNTIME_UNAVAILABLE'],
  [status.DEADLINE_EXCEEDED, 'RUNTIME_DEADLINE'],
  [status.NOT_FOUND, 'RUNTIME_NOT_FOUND'],
  [status.UNIMPLEMENTED, 'RUNTIME_UNIMPLEMENTED'],
])

const REMEDIES: Record<RuntimeErrorCode, string> = {
  RUNTIME_UNAVAILABLE: 'check that the container runtime runs and that the endpoint is its socket',
  RUNTIME_DEADLINE: 'the runtime is overloaded or hangs: see its log',
  RUNTIME_NOT_FOUND: 'somebody else removed it: it will be made again if it is still wanted',
  RUNTIME_UNIMPLEMENTED: 'use containerd 1.6 or newer, or another runtime with CRI v1',
  RUNTIME_REFUSED: "see the runtime's log for more",
}

/** `target` says to what the call was done: an ID, an image, a pod's name; empty for calls about everything. */
export function runtimeErrorOf(
  error: ServiceError,
  operation: string,
  target: string,
  endpoint: string,
): RuntimeError {
  const code = CODES.get(error.code) ?? 'RUNTIME_REFUSED'
  const what = target === '' ? operation : `${operation} of ${target}`
  const detail = plain(error.details)
  return new RuntimeError(code, operation, detail, `${what} at ${endpoint}: ${detail} (${REMEDIES[code]})`)
}

/** Without what grpc-js puts around the error of a connection, and without its empty note. */
const plain = (details: string): string =>
  details
    .replace(/^No connection established\. Last error: (Error: )?/, '')
    .replace(/\. Resolution note: $/, '')
