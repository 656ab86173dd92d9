export type KubeletErrorCode = 'CONTAINER_NOT_RUNNING' | 'PODS_REMAIN'

/** Something asked of the kubelet that it cannot do; the message says why and what to do. */
export class KubeletError extends Error {
  override readonly name = 'KubeletError'
  readonly code: KubeletErrorCode

  constructor(code: KubeletErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
