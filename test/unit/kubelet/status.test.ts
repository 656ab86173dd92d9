import { describe, expect, test } from 'vitest'
import type { PodState } from '../../../src/kubelet/pods/pod-state.ts'
import { podStatus } from '../../../src/kubelet/pods/status.ts'
import type { PodRecords } from '../../../src/kubelet/runtime/records.ts'
import type { Pod } from '../../../src/model/pod.ts'
import { buildContainer, buildPod } from '../../support/pod-builder.ts'
import { containerRecord, exitedRecord, NOW, podState, sandboxRecord } from '../../support/pod-records.ts'

const plain = buildPod('web')
const withInit = buildPod('web', {
  initContainers: [buildContainer({ name: 'first' }), buildContainer({ name: 'second' })],
})
const never = (pod: Pod): Pod => ({ ...pod, restartPolicy: 'Never' })
const records = (...containers: PodRecords['containers']): PodRecords => ({
  sandboxes: [sandboxRecord()],
  containers,
})
const failure = { reason: 'Broken', message: 'it is', count: 1, retryAt: NOW + 5_000 }

interface Row {
  readonly when: string
  readonly pod?: Pod
  readonly state?: Partial<PodState>
  /** Phase, reason, and whether it is ready. */
  readonly next: string
}

describe('a pod in one line', () => {
  test.each<Row>([
    { when: 'nothing is there', next: 'Pending ContainerCreating' },
    {
      when: 'its sandbox fails',
      state: { sandboxFailure: { ...failure, reason: 'FailedCreatePodSandBox' } },
      next: 'Pending FailedCreatePodSandBox',
    },
    {
      when: 'a volume is missing',
      state: { volumes: { kind: 'failed', failure: { ...failure, reason: 'FailedMount' } } },
      next: 'Pending FailedMount',
    },
    {
      when: 'its image is missing',
      state: {
        images: new Map([['main', { kind: 'failed', failure: { ...failure, reason: 'ErrImagePull' } }]]),
      },
      next: 'Pending ErrImagePull',
    },
    {
      when: 'an init container runs',
      pod: withInit,
      state: { records: records(containerRecord({ name: 'first' })) },
      next: 'Pending Init:0/2',
    },
    {
      when: 'one of two init containers is done',
      pod: withInit,
      state: { records: records(exitedRecord(0, { name: 'first' })) },
      next: 'Pending Init:1/2',
    },
    {
      when: 'an init container crashes',
      pod: withInit,
      state: { records: records(exitedRecord(1, { name: 'first', attempt: 1 })) },
      next: 'Pending Init:CrashLoopBackOff',
    },
    {
      when: 'an init container failed for good',
      pod: never(withInit),
      state: { records: records(exitedRecord(1, { name: 'first' })) },
      next: 'Failed Init:Error',
    },
    {
      when: 'its container is made, but has not started',
      state: { records: records(containerRecord({ state: 'created', startedAt: 0 })) },
      next: 'Pending ContainerCreating',
    },
    {
      when: 'the runtime has lost track of its container',
      state: { records: records(containerRecord({ state: 'unknown' })) },
      next: 'Running ContainerStatusUnknown',
    },
    { when: 'it runs', state: { records: records(containerRecord()) }, next: 'Running Running ready' },
    {
      when: 'it crashes',
      state: { records: records(exitedRecord(1, { attempt: 1 })) },
      next: 'Running CrashLoopBackOff',
    },
    {
      when: 'it was killed for its memory',
      pod: never(plain),
      state: { records: records(exitedRecord(137, { reason: 'OOMKilled' })) },
      next: 'Failed OOMKilled',
    },
    {
      when: 'it is done',
      pod: never(plain),
      state: { records: records(exitedRecord(0)) },
      next: 'Succeeded Completed',
    },
    {
      when: 'it ends',
      state: { terminating: { graceSeconds: 1 }, records: records(containerRecord()) },
      next: 'Running Terminating',
    },
    {
      when: 'the runtime is away',
      state: { runtimeAway: true, records: records(containerRecord()) },
      next: 'Unknown RuntimeUnavailable ready',
    },
    {
      when: 'nobody knows it',
      state: { pod: undefined, records: records(containerRecord()) },
      next: 'Running Terminating',
    },
  ])('when $when: $next', ({ pod = plain, state = {}, next }) => {
    const { phase, reason, ready } = podStatus(podState(pod, state), [], NOW)
    expect(`${phase} ${reason}${ready ? ' ready' : ''}`).toBe(next)
  })
})

test('a container that waits for its restart says for how long and why', () => {
  const { containers } = podStatus(
    podState(plain, { records: records(exitedRecord(3, { attempt: 2, restartDelayMs: 10_000 })) }),
    [],
    NOW,
  )
  expect(containers[0]).toMatchObject({
    restartCount: 2,
    ready: false,
    state: {
      kind: 'waiting',
      reason: 'CrashLoopBackOff',
      message: 'back-off 20s restarting failed container=main pod=web_default(uid-web)',
    },
  })
})

test('a status holds nothing but what its type says', () => {
  const status = podStatus(podState(plain, { records: records(exitedRecord(1)) }), [], NOW)
  expect(Object.keys(status).sort()).toEqual([
    'conclusion',
    'containers',
    'generation',
    'initContainers',
    'message',
    'name',
    'phase',
    'podIPs',
    'ready',
    'reason',
    'sandboxReady',
    'startedAt',
    'terminating',
    'uid',
  ])
})
