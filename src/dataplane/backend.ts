import type { Problem } from '../model/problem.ts'
import type { Frontend, FrontendKey } from './desired/frontend.ts'
import type { Watch } from './watch.ts'

/** What became of one transaction. Nothing of it is in force unless it is `committed`. */
export type CommitOutcome =
  | { readonly kind: 'committed' }
  /** The kernel's objects are not the ones committed before, or have no room for more: only a rebuild helps. */
  | { readonly kind: 'stale'; readonly error: Error }
  /** The kernel refused these frontends; without them the rest may well pass. */
  | { readonly kind: 'refused'; readonly frontends: ReadonlySet<FrontendKey>; readonly error: Error }
  /** Why is unclear: a rebuild may help, or time. */
  | { readonly kind: 'failed'; readonly error: Error }

/** Frontends as they should be, by key; undefined ones should be gone. */
export type FrontendChanges = ReadonlyMap<FrontendKey, Frontend | undefined>

/**
 * Programs the frontends of one address family into the kernel. It keeps committed state and advances it only when
 * the kernel has acknowledged; calls come one at a time. Expected failures are outcomes: nothing here throws but
 * for bugs and a closed socket.
 */
export interface Backend {
  /** One atomic transaction from the committed state to these changes. No changes: nothing is sent. */
  update(changes: FrontendChanges): Promise<CommitOutcome>
  /** One atomic transaction that replaces whatever is there, by this or an earlier process, with these frontends. */
  rebuild(frontends: readonly Frontend[]): Promise<CommitOutcome>
  /** Reads the kernel back and says how it differs from committed state; empty when it does not. */
  audit(): Promise<readonly string[]>
  /**
   * Undoes just what the audit before this call found, where that is less than a rebuild. False when it is not, or did
   * not help: then the kernel is as the audit found it.
   */
  repair?(): Promise<boolean>
  /** Says when somebody else changed what no notification of nf_tables tells of. Ends when the backend is closed. */
  readonly watch?: Watch
  /** Objects in the kernel by kind, as committed. */
  objects(): ReadonlyMap<string, number>
  /** The objects in the kernel that make one frontend, one a line in the words of the kernel's own tool; as committed. */
  describe?(key: FrontendKey): readonly string[]
  /**
   * What `describe` says, with what the kernel has counted by now; for backends whose objects count at all. Rejects with a
   * NetlinkError.
   */
  counters?(key: FrontendKey): Promise<readonly string[]>
  /** What is asked for and this backend cannot give, as committed. */
  problems?(): readonly Problem[]
  /** Removes everything of ours from the kernel. Nothing being there is no error. */
  remove(): Promise<void>
  /** Frees what talks to the kernel; the rules stay in force. */
  close(): Promise<void>
}
