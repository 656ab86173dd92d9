import { describe, expect, test } from 'vitest'
import { inOrder } from '../../../src/kubelet/admission/order.ts'
import { podEvents } from '../../../src/kubelet/events/pod-events.ts'
import { DEADLINE_EXCEEDED, deadlineOf, refused } from '../../../src/kubelet/pods/conclusion.ts'
import { planPod } from '../../../src/kubelet/pods/planner.ts'
import type { PodState } from '../../../src/kubelet/pods/pod-state.ts'
import { reduce } from '../../../src/kubelet/pods/reduce.ts'
import { podStatus } from '../../../src/kubelet/pods/status.ts'
import type { PodRecords } from '../../../src/kubelet/runtime/records.ts'
import { type Pod, TOLD_NOTHING } from '../../../src/model/pod.ts'
import { buildPod } from '../../support/pod-builder.ts'
import { containerRecord, exitedRecord, NOW, podState, sandboxRecord } from '../../support/pod-records.ts'

const records = (...containers: PodRecords['containers']): PodRecords => ({
  sandboxes: [sandboxRecord()],
  containers,
})
const stopped: PodRecords = { sandboxes: [sandboxRecord({ ready: false })], containers: [exitedRecord(137)] }
const step = (state: PodState): string => planPod(state, NOW).action?.kind ?? 'nothing'
const inWords = (state: PodState): string => {
  const { phase, conclusion } = podStatus(state, [], NOW)
  return `${phase} ${conclusion?.reason ?? ''}`.trim()
}

describe('a pod that was refused', () => {
  const concluded = refused({ reason: 'OutOfcpu', message: 'too much' })
  const state = podState(buildPod('web'), { concluded, volumes: { kind: 'unprepared' }, images: new Map() })

  test('is told to have failed, with no containers, and nothing is done for it', () => {
    expect(podStatus(state, [], NOW)).toMatchObject({
      phase: 'Failed',
      conclusion: { reason: 'OutOfcpu', message: 'Pod was rejected: too much' },
      containers: [],
      ready: false,
    })
    expect(planPod(state, NOW)).toEqual({ images: [], action: undefined, wakeAt: undefined })
  })

  test('leaves nothing once it is to go', () => {
    expect(step({ ...state, terminating: { graceSeconds: 0 } })).toBe('cleanUp')
  })
})

describe('a pod with a deadline', () => {
  const pod = buildPod('web', { activeDeadlineSeconds: 60 })

  test('has it from when it was taken on, whoever was told of that', () => {
    const startedAt = NOW - 10_000
    const of = (told: number | undefined, changes: Partial<PodState>) =>
      deadlineOf(podState({ ...pod, told: { ...TOLD_NOTHING, startedAt: told } }, changes))
    expect(of(startedAt, { seenAt: NOW })).toBe(NOW + 50_000)
    expect(of(undefined, { seenAt: NOW })).toBe(NOW + 60_000)
    expect(of(undefined, { records: records() })).toBe(NOW)
    expect(of(startedAt, { records: records(exitedRecord(0)), concluded: DEADLINE_EXCEEDED })).toBeUndefined()
  })

  test('wakes for it', () => {
    const running = podState(pod, { seenAt: NOW - 1_000, records: records(containerRecord()) })
    expect(planPod(running, NOW).wakeAt).toBe(NOW + 59_000)
  })

  test('has none any more when its work is done', () => {
    const done = { ...pod, restartPolicy: 'Never' } as const
    expect(deadlineOf(podState(done, { seenAt: NOW, records: records(exitedRecord(0)) }))).toBeUndefined()
  })

  test('ends when it passes, and is told to have failed once nothing of it runs', () => {
    const running = podState(pod, { seenAt: NOW - 60_000, records: records(containerRecord()) })
    const event = { kind: 'deadlinePassed' } as const
    const after = reduce(running, event, NOW, 1)
    expect(podEvents(running, event, after).map(({ type, reason }) => `${type} ${reason}`)).toEqual([
      'Normal DeadlineExceeded',
    ])
    expect([step(after), inWords(after)]).toEqual(['stopContainers', 'Running'])
    const ended = { ...after, records: stopped, terminationMessages: new Map([['main-0', '']]) }
    expect([step(ended), inWords(ended)]).toEqual(['nothing', 'Failed DeadlineExceeded'])
  })
})

describe('a pod that the API server has as ended', () => {
  const pod: Pod = { ...buildPod('web'), told: { ...TOLD_NOTHING, ended: 'Failed' } }

  test('is ended here, too', () => {
    const running = podState(buildPod('web'), { records: records(containerRecord()) })
    const after = reduce(running, { kind: 'desired', pod }, NOW, 1)
    expect([step(after), inWords(after)]).toEqual(['stopContainers', 'Running'])
    const ended = { ...after, records: stopped, terminationMessages: new Map([['main-0', '']]) }
    expect([step(ended), inWords(ended)]).toEqual(['nothing', 'Failed'])
  })
})

test('a pod that asks for what the node cannot do is not started, and says what it is', () => {
  const pod = buildPod('web', { unsupported: ['spec.hostUsers asks for a user namespace'] })
  const state = podState(pod, { images: new Map(), volumes: { kind: 'unprepared' } })
  expect(planPod(state, NOW)).toEqual({ images: [], action: undefined, wakeAt: undefined })
  expect(podStatus(state, [], NOW).containers[0]?.state).toEqual({
    ...{ kind: 'waiting', reason: 'UnsupportedField', message: 'spec.hostUsers asks for a user namespace' },
  })
})

test('pods are let in as they were made, those that run before all others', () => {
  const made = (name: string, createdAt: number) => ({
    ...({ kind: 'Pod', name: buildPod(name).name, object: buildPod(name, { createdAt }) } as const),
  })
  const gone = { kind: 'Pod', name: buildPod('gone').name, object: undefined } as const
  const ordered = inOrder(
    [made('late', 3), made('early', 1), made('runs', 9), gone],
    (uid) => uid === 'uid-runs',
  )
  expect(ordered.map(({ name }) => name)).toEqual([
    ...['default/runs', 'default/gone', 'default/early', 'default/late'],
  ])
})
