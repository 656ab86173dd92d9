import type { Snapshot } from './snapshot.ts'

/** Where a run's words go. */
export interface Reporter {
  /** A step that takes its time, or an outcome: a line that stays. */
  say(text: string): void
  /** The node as it is now; saying the same again shows nothing new. */
  show(snapshot: Snapshot): void
  /** Shows what is still held back; the table stands as it is from now on, and only lines follow. */
  close(): void
}
