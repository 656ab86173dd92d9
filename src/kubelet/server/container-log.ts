import { splitObjectName } from '../../model/object-name.ts'
import type { ContainerStatus, PodStatus } from '../../model/pod-status.ts'
import type { ContainerRecord } from '../runtime/records.ts'
import { RequestError } from './request-error.ts'

/**
 * The run of a container whose log is asked for: the last one that was started, or the one before it. `records` are those
 * of the pod's containers, newest first. Throws a {@link RequestError} that says why there is none, in the kubelet's words.
 */
export function loggedRun(
  status: PodStatus,
  records: readonly ContainerRecord[],
  container: string,
  previous: boolean,
): ContainerRecord {
  const { name } = splitObjectName(status.name)
  const what = `container ${JSON.stringify(container)} in pod ${JSON.stringify(name)}`
  const known = [...status.containers, ...status.initContainers].find((it) => it.name === container)
  if (known === undefined)
    throw new RequestError(
      'NOT_FOUND',
      `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(name)}`,
    )
  const [latest, before] = records.filter((record) => record.name === container && record.state !== 'created')
  if (previous) {
    // Between two runs, the last one is the previous one.
    const ended = known.state.kind === 'waiting' ? latest : before
    if (ended?.state !== 'exited')
      throw new RequestError('BAD_REQUEST', `previous terminated ${what} not found`)
    return ended
  }
  if (latest !== undefined) return latest
  throw new RequestError('BAD_REQUEST', `${what} ${absence(known.state)}`)
}

/** Reasons of a waiting container that the kubelet tells in a sentence. */
const SENTENCES: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: 'trying and failing to pull image',
}

function absence(state: ContainerStatus['state']): string {
  if (state.kind !== 'waiting') return 'is terminated'
  return `is waiting to start: ${SENTENCES[state.reason] ?? state.reason}`
}
