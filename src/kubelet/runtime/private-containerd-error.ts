export type PrivateContainerdErrorCode =
  | 'CONTAINERD_MISSING'
  | 'CNI_PLUGINS_MISSING'
  | 'SOCKET_PATH_TOO_LONG'
  | 'CONTAINERD_NOT_READY'

/** A private containerd that cannot be had; the message says what to do. */
export class PrivateContainerdError extends Error {
  override readonly name = 'PrivateContainerdError'
  readonly code: PrivateContainerdErrorCode

  constructor(code: PrivateContainerdErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
