import { errorMessage } from '../../util/error-message.ts'
import { RuntimeError } from '../runtime/runtime-error.ts'
import { VolumeError } from '../volumes/volume-error.ts'
import { ContainerConfigError } from './config-error.ts'
import type { PodAction } from './plan.ts'
import type { StepFailure } from './pod-event.ts'

/** Reasons as the kubelet's events and kubectl name them. */
const REASONS: Record<PodAction['kind'], string> = {
  prepareVolumes: 'FailedMount',
  runSandbox: 'FailedCreatePodSandBox',
  startContainer: 'CreateContainerError',
  startCreated: 'RunContainerError',
  runPostStart: 'PostStartHookError',
  readTerminationMessage: 'FailedSync',
  stopContainers: 'FailedKillPod',
  removeContainer: 'FailedKillPod',
  stopSandbox: 'FailedKillPod',
  removeSandbox: 'FailedKillPod',
  cleanUp: 'FailedKillPod',
}

/** What a step's failure means for the pod: the word for it, the sentence, and what another try waits for. */
export function stepFailure(action: PodAction, error: unknown): StepFailure {
  const failure = { kind: 'stepFailed', action, message: messageOf(error) } as const
  if (error instanceof ContainerConfigError) {
    const retry = error.code === 'CONFIG_MISSING' ? 'onChange' : 'later'
    return { ...failure, reason: 'CreateContainerConfigError', retry }
  }
  const reason = REASONS[action.kind]
  if (error instanceof VolumeError) {
    const configReason = action.kind === 'startContainer' ? 'CreateContainerConfigError' : reason
    const retry = error.code === 'CONFIG_MISSING' ? 'onChange' : 'later'
    return { ...failure, reason: configReason, retry }
  }
  const imageGone =
    action.kind === 'startContainer' &&
    error instanceof RuntimeError &&
    error.operation === 'create_container' &&
    error.code === 'RUNTIME_NOT_FOUND'
  return { ...failure, reason, retry: imageGone ? 'imageGone' : 'later' }
}

/** The runtime's own words fit a status better than ours about the call. */
const messageOf = (error: unknown): string =>
  error instanceof RuntimeError ? error.detail : errorMessage(error)
