import type { Change } from '../model/change.ts'
import type { Problem } from '../model/problem.ts'

/** What a source tells its listener: everything at first, then what is new. */
export interface SourceUpdate {
  /** Only objects that are not as they were. */
  readonly changes: readonly Change[]
  /** All problems there are now, not only new ones. */
  readonly problems: readonly Problem[]
}
