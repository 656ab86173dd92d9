import { describe, expect, test } from 'vitest'
import { type PodEventReport, unhealthy } from '../../../src/kubelet/events/pod-event-report.ts'
import { podEvents } from '../../../src/kubelet/events/pod-events.ts'
import { stepBegins } from '../../../src/kubelet/events/step-events.ts'
import type { PodAction } from '../../../src/kubelet/pods/plan.ts'
import type { PodEvent } from '../../../src/kubelet/pods/pod-event.ts'
import type { PodState } from '../../../src/kubelet/pods/pod-state.ts'
import { reduce } from '../../../src/kubelet/pods/reduce.ts'
import type { PodRecords } from '../../../src/kubelet/runtime/records.ts'
import { buildContainer, buildPod } from '../../support/pod-builder.ts'
import { containerRecord, exitedRecord, NOW, podState, sandboxRecord } from '../../support/pod-records.ts'

const main = buildContainer({ name: 'main', image: 'web:1' })
const pod = buildPod('web', { containers: [main], initContainers: [buildContainer({ name: 'first' })] })
const failure = (reason: string, message = 'no') => ({ reason, message, count: 1, retryAt: NOW + 1 })
const records = (...containers: PodRecords['containers']): PodRecords => ({
  sandboxes: [sandboxRecord()],
  containers,
})

const inWords = ({ type, reason, message, container }: PodEventReport): string => {
  const whom = container === undefined ? 'pod' : `${container.kind} ${container.name}`
  return `${type} ${reason} of ${whom}: ${message}`
}

function said(event: PodEvent, state: PodState = podState(pod)): readonly string[] {
  return podEvents(state, event, reduce(state, event, NOW, 100)).map(inWords)
}

const begins = (action: PodAction, state: Partial<PodState>): readonly string[] =>
  stepBegins(action, podState(pod, state)).map(inWords)

const stepFailed = (action: PodAction, reason: string): PodEvent => ({
  ...{ kind: 'stepFailed', action, reason, message: 'it broke', retry: 'later' },
})
const startMain: PodAction = {
  ...{ kind: 'startContainer', sandbox: sandboxRecord(), container: main },
  ...{ attempt: 0, restartDelayMs: 0, imageId: 'sha256:1' },
}

describe('of an image it is said', () => {
  const pull = { pullMs: 1_234, waitedMs: 62_500, sizeBytes: 4_096n }
  test.each<{ readonly when: string; readonly event: PodEvent; readonly next: readonly string[] }>([
    {
      when: 'that it is pulled',
      event: { kind: 'imagePulling', container: main },
      next: ['Normal Pulling of container main: Pulling image "web:1"'],
    },
    {
      when: 'how long the pull took',
      event: { kind: 'imagePresent', container: main, id: 'x', pull },
      next: [
        'Normal Pulled of container main: Successfully pulled image "web:1" in 1.234s (1m2.5s including waiting). Image size: 4096 bytes.',
      ],
    },
    {
      when: 'that it was there',
      event: { kind: 'imagePresent', container: main, id: 'x', pull: undefined },
      next: [
        'Normal Pulled of container main: Container image "web:1" already present on machine and can be accessed by the pod',
      ],
    },
    {
      when: 'why it cannot be pulled',
      event: {
        kind: 'imageFailed',
        container: main,
        failure: failure('ErrImagePull'),
        pullError: 'not found',
      },
      next: [
        'Warning Failed of container main: Failed to pull image "web:1": not found',
        'Warning Failed of container main: Error: ErrImagePull',
      ],
    },
    {
      when: 'that another pull waits',
      event: {
        ...{ kind: 'imageFailed', container: main },
        ...{ failure: failure('ImagePullBackOff'), pullError: undefined },
      },
      next: [
        'Normal BackOff of container main: Back-off pulling image "web:1"',
        'Warning Failed of container main: Error: ImagePullBackOff',
      ],
    },
    {
      when: 'that nobody may pull it',
      event: {
        ...{ kind: 'imageFailed', container: main },
        ...{ failure: failure('ErrImageNeverPull', 'not present'), pullError: undefined },
      },
      next: [
        'Warning ErrImageNeverPull of container main: not present',
        'Warning Failed of container main: Error: ErrImageNeverPull',
      ],
    },
    {
      when: 'that it has no name',
      event: {
        ...{ kind: 'imageFailed', container: main },
        ...{ failure: failure('InvalidImageName', 'no name'), pullError: undefined },
      },
      next: [
        'Warning InspectFailed of container main: no name',
        'Warning Failed of container main: Error: InvalidImageName',
      ],
    },
  ])('$when', ({ event, next }) => expect(said(event)).toEqual(next))
})

describe('of a container it is said', () => {
  const started = (changes: object, container = main): PodEvent => ({
    ...{ kind: 'containerStarted', container, record: containerRecord(changes) },
  })

  test('that it is made and started', () => {
    expect(said(started({}))).toEqual([
      'Normal Created of container main: Container created',
      'Normal Started of container main: Container started',
    ])
  })

  test('at every run, that its image is there', () => {
    expect(said(started({ attempt: 1 }))[0]).toMatch(/^Normal Pulled of container main: .* already present/)
  })

  test('why it did not start', () => {
    expect(said(started({ state: 'exited', message: 'no such program' }))).toEqual([
      'Normal Created of container main: Container created',
      'Warning Failed of container main: Error: no such program',
    ])
    expect(said(stepFailed(startMain, 'CreateContainerError'))).toEqual([
      'Warning Failed of container main: Error: it broke',
    ])
  })

  test('once a run, that its next start is put off', () => {
    const state = podState(pod, { records: records(containerRecord({ attempt: 1 })) })
    const seen = { kind: 'observed', records: records(exitedRecord(1, { attempt: 1 })), sequence: 1 } as const
    expect(said(seen, state)).toEqual([
      'Warning BackOff of container main: Back-off restarting failed container main in pod web_default(uid-web)',
    ])
    const after = reduce(state, seen, NOW, 100)
    expect(said({ ...seen, sequence: 200 }, after)).toEqual([])
  })

  test('nothing of a back-off when its first restart comes at once, or the pod ends', () => {
    const state = podState(pod, { records: records(containerRecord()) })
    const seen = { kind: 'observed', records: records(exitedRecord(1)), sequence: 1 } as const
    expect(said(seen, state)).toEqual([])
    const crashing = podState(pod, {
      ...{ records: records(containerRecord({ attempt: 1 })), terminating: { graceSeconds: 1 } },
    })
    const crashed = { ...seen, records: records(exitedRecord(1, { attempt: 1 })) }
    expect(said(crashed, crashing)).toEqual([])
  })

  test('why it is ended', () => {
    const running = containerRecord()
    const stop: PodAction = { kind: 'stopContainers', records: [running], graceSeconds: 1 }
    const broken = new Map([['main-0', { liveness: { passed: false, message: '' } }]])
    expect([
      ...begins(stop, { records: records(running), terminating: { graceSeconds: 1 }, probes: broken }),
      ...begins(stop, { records: records(running), probes: broken }),
    ]).toEqual([
      'Normal Killing of container main: Stopping container main',
      'Normal Killing of container main: Container main failed liveness probe, will be restarted',
    ])
  })

  test('what its probe was answered, and of which kind it is', () => {
    expect(inWords(unhealthy(podState(pod), 'first', 'readiness', 'HTTP status 500'))).toBe(
      'Warning Unhealthy of init first: Readiness probe failed: HTTP status 500',
    )
  })
})

describe('of a pod it is said', () => {
  test('what keeps it from starting or ending', () => {
    expect(said(stepFailed({ kind: 'prepareVolumes' }, 'FailedMount'))).toEqual([
      'Warning FailedMount of pod: it broke',
    ])
    expect(said(stepFailed({ kind: 'runSandbox', attempt: 0 }, 'FailedCreatePodSandBox'))).toEqual([
      'Warning FailedCreatePodSandBox of pod: Failed to create pod sandbox: it broke',
    ])
    expect(said(stepFailed({ kind: 'cleanUp' }, 'FailedKillPod'))).toEqual([
      'Warning FailedKillPod of pod: error killing pod: it broke',
    ])
  })

  test('that it gets another sandbox, but nothing of its first', () => {
    const action: PodAction = { kind: 'runSandbox', attempt: 1 }
    expect(begins(action, {})).toEqual([])
    expect(
      begins(action, { records: { sandboxes: [sandboxRecord({ ready: false })], containers: [] } }),
    ).toEqual(['Normal SandboxChanged of pod: Pod sandbox changed, it will be killed and re-created.'])
  })
})
