import { splitObjectName } from '../../model/object-name.ts'
import { DEADLINE_EXCEEDED } from '../pods/conclusion.ts'
import type { PodEvent } from '../pods/pod-event.ts'
import type { PodState } from '../pods/pod-state.ts'
import { judge, recordsOf, roleOf } from '../pods/verdict.ts'
import type { ContainerRecord } from '../runtime/records.ts'
import { imageFailed, imagePresent, imagePulling } from './image-events.ts'
import {
  type Happening,
  normal,
  ofContainer,
  ofPod,
  type PodEventReport,
  warning,
} from './pod-event-report.ts'
import { stepFailed } from './step-events.ts'

/** What is said of a pod that heard `event`, and by it went from one state to the other. Pure. */
export function podEvents(before: PodState, event: PodEvent, after: PodState): readonly PodEventReport[] {
  return [...news(before, event), ...backOffs(before, after)]
}

function news(state: PodState, event: PodEvent): readonly PodEventReport[] {
  const of = (container: string, ...happenings: readonly Happening[]) =>
    happenings.map((happening) => ofContainer(state, container, happening))
  switch (event.kind) {
    case 'imagePulling':
      return of(event.container.name, imagePulling(event.container.image))
    case 'imagePresent':
      return of(event.container.name, imagePresent(event.container.image, event.pull))
    case 'imageFailed':
      return of(event.container.name, ...imageFailed(event.container.image, event.failure, event.pullError))
    case 'containerStarted': {
      const { container, record } = event
      // A run after the first takes the image that is there.
      const isAnother = record.attempt > 0 && container.imagePullPolicy !== 'Always'
      const image = isAnother ? [imagePresent(container.image, undefined)] : []
      return of(container.name, ...image, normal('Created', 'Container created'), began(record))
    }
    case 'containersChanged':
      return (event.failedHooks ?? []).flatMap((name) =>
        of(name, warning('FailedPreStopHook', 'PreStopHook failed')),
      )
    case 'postStartEnded':
      return event.passed
        ? []
        : of(event.container.name, warning('FailedPostStartHook', 'PostStartHook failed'))
    case 'deadlinePassed':
      return [ofPod(state, normal(DEADLINE_EXCEEDED.reason, DEADLINE_EXCEEDED.message))]
    case 'sandboxRunning':
      return (event.warnings ?? []).map(({ reason, message }) => ofPod(state, warning(reason, message)))
    case 'stepFailed':
      return stepFailed(event, state)
    default:
      return []
  }
}

const began = ({ state, message }: ContainerRecord): Happening =>
  state === 'running' ? normal('Started', 'Container started') : warning('Failed', `Error: ${message}`)

/** Containers that have just ended and whose next start is put off. */
function backOffs(before: PodState, { pod, records, ...after }: PodState): readonly PodEventReport[] {
  if (pod === undefined || after.terminating !== undefined || records === before.records) return []
  const { namespace, name } = splitObjectName(after.name)
  return [...pod.initContainers, ...pod.containers].flatMap((container) => {
    const own = recordsOf(container, records.containers)
    const [latest] = own
    if (latest?.state !== 'exited' || wasEnded(before, latest)) return []
    const verdict = judge(own, pod.restartPolicy, roleOf(pod, container))
    if (verdict.kind !== 'start' || verdict.delayMs === 0) return []
    const where = `${name}_${namespace}(${after.uid})`
    const message = `Back-off restarting failed container ${container.name} in pod ${where}`
    return [ofContainer({ ...after, pod }, container.name, warning('BackOff', message))]
  })
}

const wasEnded = ({ records }: PodState, { id }: ContainerRecord): boolean =>
  records.containers.some((record) => record.id === id && record.state === 'exited')
