/** What kept an image from being built; callers match these. */
export type ImageBuildErrorCode =
  /** image.yaml is absent, not YAML, or not an image description. */
  | 'IMAGE_DESCRIPTION_INVALID'
  /** A file or folder that goes into the image is absent, unreadable, or of a kind that an image cannot hold. */
  | 'IMAGE_CONTENT_UNREADABLE'
  /** Container images know no name for this machine's architecture, or this code doesn't. */
  | 'IMAGE_ARCHITECTURE_UNKNOWN'
  /** The archive cannot be written where it should be. */
  | 'IMAGE_ARCHIVE_UNWRITABLE'

/** Thrown by everything that builds images; `message` is one line: the place, what is wrong, what to do about it. */
export class ImageBuildError extends Error {
  override readonly name = 'ImageBuildError'
  readonly code: ImageBuildErrorCode
  /** A file, with its line where one is to blame: `images/web/image.yaml:7`. */
  readonly place: string

  constructor(
    code: ImageBuildErrorCode,
    problem: { readonly place: string; readonly reason: string; readonly remedy: string },
    cause?: unknown,
  ) {
    super(`${problem.place}: ${problem.reason} (${problem.remedy})`, { cause })
    this.code = code
    this.place = problem.place
  }
}

/** What a failed file-system call said, without the call and the path that Node puts around it. */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // `ENOENT: no such file or directory, open '/x'`
  return error.message.replace(/^[A-Z0-9]+: /, '').replace(/, \w+( '.*)?$/, '')
}
