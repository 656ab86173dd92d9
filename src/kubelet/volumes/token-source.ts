import type { FilePart, Pod } from '../../model/pod.ts'

export type TokenPart = Extract<FilePart, { kind: 'token' }>

/** Where service account tokens come from. */
export interface TokenSource {
  /** One that is good for a while yet. Rejects when none can be had. */
  token(pod: Pod, part: TokenPart): Promise<string>
  /** The pod has no more use for any. */
  forget(uid: string): void
}
