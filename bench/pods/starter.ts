import type { Pod } from '../../src/model/pod.ts'

/** One way to bring pods up on a runtime; both ways run against the same one. */
export interface PodStarter {
  /** Resolves when every container of the pod runs; rejects with a BenchError when one does not. */
  start(pod: Pod): Promise<void>
  /** Resolves when nothing is left of a pod that was started. */
  remove(pod: Pod): Promise<void>
  /** Ends what was started and is still there, and frees everything. */
  close(): Promise<void>
}
