import type { PodAction } from '../pods/plan.ts'
import type { StepFailure } from '../pods/pod-event.ts'
import type { PodState } from '../pods/pod-state.ts'
import { UNDECIDED } from '../probes/verdicts.ts'
import type { ContainerRecord } from '../runtime/records.ts'
import { normal, ofContainer, ofPod, type PodEventReport, warning } from './pod-event-report.ts'

/** What is said when a step of a pod begins. Pure. */
export function stepBegins(action: PodAction, state: PodState): readonly PodEventReport[] {
  switch (action.kind) {
    case 'runSandbox':
      return state.records.sandboxes.length === 0
        ? []
        : [ofPod(state, normal('SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.'))]
    case 'stopContainers':
      return action.records
        .filter((record) => record.state === 'running')
        .map((record) => ofContainer(state, record.name, normal('Killing', whyStopped(record, state))))
    default:
      return []
  }
}

function whyStopped({ id, name }: ContainerRecord, state: PodState): string {
  const { probes, pod, terminating, postStarts } = state
  if (postStarts.get(id) === 'failed') return 'FailedPostStartHook'
  const { startup, liveness } = terminating === undefined ? (probes.get(id) ?? UNDECIDED) : UNDECIDED
  const probe = startup?.passed === false ? 'startup' : liveness?.passed === false ? 'liveness' : undefined
  if (probe === undefined) return `Stopping container ${name}`
  const comes = pod?.restartPolicy === 'Never' ? '' : ', will be restarted'
  return `Container ${name} failed ${probe} probe${comes}`
}

/** What is said of a step that did not work. Pure. */
export function stepFailed({ action, message }: StepFailure, state: PodState): readonly PodEventReport[] {
  switch (action.kind) {
    case 'prepareVolumes':
      return [ofPod(state, warning('FailedMount', message))]
    case 'runSandbox':
      return [ofPod(state, warning('FailedCreatePodSandBox', `Failed to create pod sandbox: ${message}`))]
    case 'startContainer':
      return [ofContainer(state, action.container.name, warning('Failed', `Error: ${message}`))]
    case 'startCreated':
      return [ofContainer(state, action.record.name, warning('Failed', `Error: ${message}`))]
    // Neither keeps the pod from anything.
    case 'readTerminationMessage':
    case 'removeContainer':
      return []
    default:
      return [ofPod(state, warning('FailedKillPod', `error killing pod: ${message}`))]
  }
}
