import type { Container, Pod, RestartPolicy } from '../../model/pod.ts'
import type { ContainerRecord } from '../runtime/records.ts'
import { crashLoopDelay } from './crash-loop.ts'

/** What one container needs, judged from its records. */
export type Verdict =
  /** A new one, not before `notBefore` (ms since the epoch); `previous` is the run before it. */
  | {
      readonly kind: 'start'
      readonly attempt: number
      readonly notBefore: number
      readonly delayMs: number
      readonly previous: ContainerRecord | undefined
    }
  /** It was created, but whoever did so never got to start it. */
  | { readonly kind: 'startCreated'; readonly record: ContainerRecord }
  | { readonly kind: 'running'; readonly record: ContainerRecord }
  /** The runtime lost track of it: it must be ended before there can be another. */
  | { readonly kind: 'stop'; readonly record: ContainerRecord }
  /** It ended, and its restart policy lets it rest. */
  | { readonly kind: 'ended'; readonly record: ContainerRecord; readonly succeeded: boolean }

/** What a container is to its pod: a sidecar is an init container that goes on beside the others (KEP-753). */
export type Role = 'init' | 'sidecar' | 'main'

export const roleOf = (pod: Pod, container: Container): Role =>
  pod.initContainers.includes(container) ? (container.sidecar ? 'sidecar' : 'init') : 'main'

/**
 * `records` are those of this container, newest first. Init containers never rerun once they succeeded, sidecars always
 * do.
 */
export function judge(
  records: readonly ContainerRecord[],
  restartPolicy: RestartPolicy,
  role: Role,
): Verdict {
  const [latest] = records
  if (latest === undefined) {
    return { kind: 'start', attempt: 0, notBefore: 0, delayMs: 0, previous: undefined }
  }
  switch (latest.state) {
    case 'created':
      return { kind: 'startCreated', record: latest }
    case 'running':
      return { kind: 'running', record: latest }
    case 'unknown':
      return { kind: 'stop', record: latest }
    case 'exited': {
      const succeeded = latest.exitCode === 0
      const rests =
        role !== 'sidecar' &&
        (restartPolicy === 'Never' || (succeeded && (role === 'init' || restartPolicy === 'OnFailure')))
      if (rests) return { kind: 'ended', record: latest, succeeded }
      const delayMs = crashLoopDelay(latest)
      const attempt = latest.attempt + 1
      return { kind: 'start', attempt, notBefore: latest.finishedAt + delayMs, delayMs, previous: latest }
    }
  }
}

/** Records of one container, newest first. */
export const recordsOf = (
  container: Container,
  records: readonly ContainerRecord[],
): readonly ContainerRecord[] => records.filter(({ name }) => name === container.name)
