import type { ObjectName } from './object-name.ts'

/**
 * Something wrong with one object, found at the door. It is a value: the object it is about is left out or
 * falls back to its last good state, and everything else goes on.
 */
export interface Problem {
  /** Where: a file with its line (`web.yaml:12`), or an object (`Service default/web`). */
  readonly place: string
  /** What is wrong, in one sentence without a full stop. */
  readonly reason: string
  /** What to do about it, in one sentence without a full stop. */
  readonly remedy?: string
  /** The pod it is about, where people look at pods rather than at files: they are told by an Event of it. */
  readonly pod?: { readonly name: ObjectName; readonly uid: string }
  /** `error`: the object is not in force. `warning`: it is, but for the part named. */
  readonly severity: 'error' | 'warning'
}

export const formatProblem = (problem: Problem): string =>
  `${problem.place}: ${problem.reason}${problem.remedy === undefined ? '' : ` (${problem.remedy})`}`
