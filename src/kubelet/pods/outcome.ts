import type { Pod } from '../../model/pod.ts'
import type { PodRecords } from '../runtime/records.ts'
import { judge, recordsOf } from './verdict.ts'

/** How a pod ended for good: nothing in it will ever start again. Undefined while something may. */
export function podOutcome(pod: Pod, records: PodRecords): 'Succeeded' | 'Failed' | undefined {
  const verdicts = pod.containers.map((container) =>
    judge(recordsOf(container, records.containers), pod.restartPolicy, 'main'),
  )
  if (verdicts.every(({ kind }) => kind === 'ended')) {
    const succeeded = verdicts.every((verdict) => verdict.kind === 'ended' && verdict.succeeded)
    return succeeded ? 'Succeeded' : 'Failed'
  }
  if (pod.restartPolicy !== 'Never') return undefined
  const initFailed = pod.initContainers.some((container) => {
    if (container.sidecar) return false
    const verdict = judge(recordsOf(container, records.containers), 'Never', 'init')
    return verdict.kind === 'ended' && !verdict.succeeded
  })
  return initFailed ? 'Failed' : undefined
}
