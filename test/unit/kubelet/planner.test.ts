import { describe, expect, test } from 'vitest'
import type { PodAction } from '../../../src/kubelet/pods/plan.ts'
import { planPod } from '../../../src/kubelet/pods/planner.ts'
import type { PodState } from '../../../src/kubelet/pods/pod-state.ts'
import type { PodRecords } from '../../../src/kubelet/runtime/records.ts'
import type { Pod } from '../../../src/model/pod.ts'
import { buildContainer, buildPod } from '../../support/pod-builder.ts'
import { containerRecord, exitedRecord, NOW, podState, sandboxRecord } from '../../support/pod-records.ts'

const oneContainer = buildPod('web')
const twoContainers = buildPod('web', {
  containers: [buildContainer({ name: 'main' }), buildContainer({ name: 'side' })],
})
const withInit = buildPod('web', {
  initContainers: [buildContainer({ name: 'first' }), buildContainer({ name: 'second' })],
})
const never = (pod: Pod): Pod => ({ ...pod, restartPolicy: 'Never' })
const onFailure = (pod: Pod): Pod => ({ ...pod, restartPolicy: 'OnFailure' })

const sandbox = sandboxRecord()
const records = (...containers: PodRecords['containers']): PodRecords => ({
  sandboxes: [sandbox],
  containers,
})
const failure = { reason: 'Broken', message: 'it is', count: 1, retryAt: NOW + 5_000 }

/** An action in the words of the tables below. */
function describeAction(action: PodAction | undefined): string {
  if (action === undefined) return 'nothing'
  switch (action.kind) {
    case 'startContainer':
      return `start ${action.container.name} #${action.attempt} after ${action.restartDelayMs} ms`
    case 'startCreated':
    case 'removeContainer':
    case 'readTerminationMessage':
      return `${action.kind} ${action.record.id}`
    case 'stopContainers':
      return `stop ${action.records.map(({ id }) => id).join(' ')} in ${action.graceSeconds} s`
    case 'runSandbox':
      return `runSandbox #${action.attempt}`
    case 'stopSandbox':
    case 'removeSandbox':
      return `${action.kind} ${action.sandbox.id}`
    default:
      return action.kind
  }
}

interface Row {
  readonly when: string
  readonly pod?: Pod
  readonly state?: Partial<PodState>
  readonly next: string
  /** ms from now. */
  readonly wakeIn?: number
}

const check = ({ pod = oneContainer, state = {}, next, wakeIn }: Row) => {
  const plan = planPod(podState(pod, state), NOW)
  expect(describeAction(plan.action)).toBe(next)
  expect(plan.wakeAt === undefined ? undefined : plan.wakeAt - NOW).toBe(wakeIn)
}

describe('starting', () => {
  test.each<Row>([
    { when: 'nothing is there', state: { volumes: { kind: 'unprepared' } }, next: 'prepareVolumes' },
    {
      when: 'a ConfigMap changed',
      state: { records: records(containerRecord()), volumes: { kind: 'outdated' } },
      next: 'prepareVolumes',
    },
    {
      when: 'a volume waits for a change',
      state: { volumes: { kind: 'failed', failure: { ...failure, retryAt: undefined } } },
      next: 'nothing',
    },
    {
      when: 'a volume failed',
      state: { volumes: { kind: 'failed', failure } },
      next: 'nothing',
      wakeIn: 5_000,
    },
    { when: 'volumes are ready', next: 'runSandbox #0' },
    { when: 'a sandbox was tried before', state: { sandboxAttempt: 3 }, next: 'runSandbox #4' },
    { when: 'a sandbox failed', state: { sandboxFailure: failure }, next: 'nothing', wakeIn: 5_000 },
    { when: 'the sandbox is ready', state: { records: records() }, next: 'start main #0 after 0 ms' },
    {
      when: 'the image is on its way',
      state: { records: records(), images: new Map([['main', { kind: 'pulling', failure: undefined }]]) },
      next: 'nothing',
    },
    {
      when: 'a container could not be created',
      state: { records: records(), containerFailures: new Map([['main', failure]]) },
      next: 'nothing',
      wakeIn: 5_000,
    },
    {
      when: 'a container was created only',
      state: { records: records(containerRecord({ state: 'created' })) },
      next: 'startCreated main-0',
    },
    { when: 'all run', state: { records: records(containerRecord()) }, next: 'nothing' },
    {
      when: 'the second is still missing',
      pod: twoContainers,
      state: { records: records(containerRecord()) },
      next: 'start side #0 after 0 ms',
    },
    {
      when: 'the first cannot start, the second can',
      pod: twoContainers,
      state: { records: records(), containerFailures: new Map([['main', failure]]) },
      next: 'start side #0 after 0 ms',
      wakeIn: 5_000,
    },
    { when: 'the runtime is away', state: { records: records(), runtimeAway: true }, next: 'nothing' },
  ])('when $when: $next', check)
})

describe('init containers', () => {
  test.each<Row>([
    { when: 'none ran', pod: withInit, state: { records: records() }, next: 'start first #0 after 0 ms' },
    {
      when: 'the first runs',
      pod: withInit,
      state: { records: records(containerRecord({ name: 'first' })) },
      next: 'nothing',
    },
    {
      when: 'the first succeeded',
      pod: withInit,
      state: { records: records(exitedRecord(0, { name: 'first' })) },
      next: 'start second #0 after 0 ms',
    },
    {
      when: 'all succeeded',
      pod: withInit,
      state: { records: records(exitedRecord(0, { name: 'first' }), exitedRecord(0, { name: 'second' })) },
      next: 'start main #0 after 0 ms',
    },
    {
      when: 'the first failed',
      pod: withInit,
      state: { records: records(exitedRecord(1, { name: 'first' })) },
      next: 'start first #1 after 0 ms',
    },
    {
      when: 'the first failed for good',
      pod: never(withInit),
      state: { records: records(exitedRecord(1, { name: 'first' })) },
      next: 'stopSandbox sandbox-0',
    },
    {
      when: 'their records are gone but the pod runs',
      pod: withInit,
      state: { records: records(containerRecord()) },
      next: 'nothing',
    },
    {
      when: 'they succeeded in a sandbox that died',
      pod: withInit,
      state: {
        records: {
          sandboxes: [sandboxRecord({ id: 'sandbox-1', attempt: 1 }), sandboxRecord({ ready: false })],
          containers: [exitedRecord(0, { name: 'first' }), exitedRecord(0, { name: 'second' })],
        },
      },
      next: 'start first #1 after 0 ms',
    },
  ])('when $when: $next', check)
})

describe('restarting', () => {
  test.each<Row>([
    { when: 'it ended once', state: { records: records(exitedRecord(1)) }, next: 'start main #1 after 0 ms' },
    { when: 'it ended well', state: { records: records(exitedRecord(0)) }, next: 'start main #1 after 0 ms' },
    {
      when: 'it ended twice',
      state: { records: records(exitedRecord(1, { attempt: 1 })) },
      next: 'nothing',
      wakeIn: 9_000,
    },
    {
      when: 'its back-off is over',
      state: { records: records(exitedRecord(1, { attempt: 1, finishedAt: NOW - 10_000 })) },
      next: 'start main #2 after 10000 ms',
    },
    {
      when: 'it had run for long',
      state: {
        records: records(exitedRecord(1, { attempt: 7, restartDelayMs: 300_000, startedAt: NOW - 700_000 })),
      },
      next: 'start main #8 after 0 ms',
    },
    {
      when: 'it never restarts',
      pod: never(oneContainer),
      state: { records: records(exitedRecord(1)) },
      next: 'stopSandbox sandbox-0',
    },
    {
      when: 'it restarts on failure only and ended well',
      pod: onFailure(oneContainer),
      state: { records: records(exitedRecord(0)) },
      next: 'stopSandbox sandbox-0',
    },
    {
      when: 'it restarts on failure and failed',
      pod: onFailure(oneContainer),
      state: { records: records(exitedRecord(1)) },
      next: 'start main #1 after 0 ms',
    },
    {
      when: 'it is done and its sandbox too',
      pod: never(oneContainer),
      state: { records: { sandboxes: [sandboxRecord({ ready: false })], containers: [exitedRecord(0)] } },
      next: 'nothing',
    },
    {
      when: 'the runtime lost track of it',
      state: { records: records(containerRecord({ state: 'unknown' })) },
      next: 'stop main-0 in 5 s',
    },
    {
      when: 'its last words are unread',
      state: { records: records(exitedRecord(1)), terminationMessages: new Map() },
      next: 'readTerminationMessage main-0',
    },
    {
      when: 'three of its runs are left',
      state: {
        records: records(containerRecord({ attempt: 2 }), exitedRecord(1, { attempt: 1 }), exitedRecord(1)),
      },
      next: 'removeContainer main-0',
    },
  ])('when $when: $next', check)
})

describe('a sandbox that died', () => {
  const dead = sandboxRecord({ ready: false })
  const second = sandboxRecord({ id: 'sandbox-1', attempt: 1 })
  const inSecond = { sandboxId: 'sandbox-1', attempt: 1 }
  test.each<Row>([
    {
      when: 'containers still run in it',
      state: { records: { sandboxes: [dead], containers: [containerRecord()] } },
      next: 'stop main-0 in 5 s',
    },
    {
      when: 'nothing runs in it',
      state: { records: { sandboxes: [dead], containers: [exitedRecord(137)] } },
      next: 'runSandbox #1',
    },
    {
      when: 'there is a new one',
      state: { records: { sandboxes: [second, dead], containers: [exitedRecord(137)] } },
      next: 'start main #1 after 0 ms',
    },
    {
      when: 'all run in the new one',
      state: {
        records: { sandboxes: [second, dead], containers: [containerRecord(inSecond), exitedRecord(137)] },
      },
      next: 'removeSandbox sandbox-0',
    },
    {
      when: 'it holds what a container achieved',
      pod: onFailure(twoContainers),
      state: {
        records: {
          sandboxes: [second, dead],
          containers: [containerRecord({ ...inSecond, name: 'side' }), exitedRecord(0)],
        },
      },
      next: 'nothing',
    },
  ])('when $when: $next', check)
})

describe('ending', () => {
  const terminating = { graceSeconds: 7 }
  test.each<Row>([
    {
      when: 'containers run',
      state: { terminating, records: records(containerRecord()) },
      next: 'stop main-0 in 7 s',
    },
    {
      when: 'its containers ended',
      state: { terminating, records: records(exitedRecord(0)) },
      next: 'removeSandbox sandbox-0',
    },
    {
      when: 'a step failed',
      state: { terminating, records: records(), removalFailure: failure },
      next: 'nothing',
      wakeIn: 5_000,
    },
    { when: 'the runtime has nothing of it', state: { terminating }, next: 'cleanUp' },
    { when: 'nothing is left at all', state: { terminating, removed: true }, next: 'nothing' },
    {
      when: 'nobody knows it',
      state: { pod: undefined, records: records(containerRecord()) },
      next: 'stop main-0 in 30 s',
    },
  ])('when $when: $next', check)
})

test('images of all containers are wanted at once, before anything else is there', () => {
  const state = podState(withInit, { images: new Map(), volumes: { kind: 'unprepared' } })
  expect(planPod(state, NOW).images.map(({ name }) => name)).toEqual(['first', 'second', 'main'])
})

test('an image that failed is wanted again when its time has come', () => {
  const failed = (retryAt: number) =>
    podState(oneContainer, {
      images: new Map([['main', { kind: 'failed', failure: { ...failure, retryAt } }]]),
    })
  expect(planPod(failed(NOW + 1), NOW).images).toEqual([])
  expect(planPod(failed(NOW + 1), NOW).wakeAt).toBe(NOW + 1)
  expect(planPod(failed(NOW), NOW).images.map(({ name }) => name)).toEqual(['main'])
})
