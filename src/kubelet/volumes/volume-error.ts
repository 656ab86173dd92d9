export type VolumeErrorCode =
  /** A ConfigMap or Secret, or a key in it, is not there: another try is worth it once it changes. */
  | 'CONFIG_MISSING'
  /** A hostPath is not what its type says. */
  | 'HOST_PATH_MISMATCH'
  | 'SUB_PATH_OUTSIDE'
  | 'VOLUME_FAILED'

/** A volume that cannot be had as the pod wants it. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError'
  readonly code: VolumeErrorCode

  constructor(code: VolumeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
