import { describe, expect, test } from 'vitest'
import { reduce } from '../../../src/kubelet/pods/reduce.ts'
import type { ConfigKind } from '../../../src/model/config-object.ts'
import { objectName } from '../../../src/model/object-name.ts'
import type { Pod } from '../../../src/model/pod.ts'
import { buildContainer, buildPod } from '../../support/pod-builder.ts'
import { containerRecord, NOW, podState, sandboxRecord } from '../../support/pod-records.ts'

const pod = buildPod('web')
const [container = buildContainer({ name: 'main' })] = pod.containers
const SEQUENCE = 100
const failureNow = { reason: 'Broken', message: '', count: 1, retryAt: undefined }

describe('a snapshot', () => {
  const seen = { sandboxes: [sandboxRecord()], containers: [] }

  test('that began after the last step counts, and says that the runtime is back', () => {
    const state = podState(pod, { recordsAsOf: 5, runtimeAway: true })
    const next = reduce(state, { kind: 'observed', records: seen, sequence: 5 }, NOW, SEQUENCE)
    expect(next).toMatchObject({ records: seen, runtimeAway: false, missedSnapshot: false })
  })

  test('that began before the last step ended is passed over, but remembered as missed', () => {
    const before = { sandboxes: [sandboxRecord()], containers: [containerRecord()] }
    const state = podState(pod, { records: before, recordsAsOf: 5 })
    const next = reduce(state, { kind: 'observed', records: seen, sequence: 4 }, NOW, SEQUENCE)
    expect(next.records).toBe(before)
    expect(next.missedSnapshot).toBe(true)
  })

  test('is old news to what a step did after it', () => {
    const started = { kind: 'containerStarted', container, record: containerRecord() } as const
    const state = reduce(podState(pod), started, NOW, SEQUENCE)
    const next = reduce(state, { kind: 'observed', records: seen, sequence: SEQUENCE - 1 }, NOW, SEQUENCE + 1)
    expect(next.records.containers).toEqual([containerRecord()])
  })
})

describe('a step that failed', () => {
  const action = { kind: 'runSandbox', attempt: 0 } as const
  const failed = { kind: 'stepFailed', action, reason: 'FailedCreatePodSandBox', message: 'no' } as const

  test('is tried again after a delay that doubles', () => {
    let state = podState(pod)
    const delays = []
    for (let i = 0; i < 8; i++) {
      state = reduce(state, { ...failed, retry: 'later' }, NOW, SEQUENCE)
      delays.push(((state.sandboxFailure?.retryAt ?? 0) - NOW) / 1_000)
    }
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
  })

  test('is forgotten once it works', () => {
    const state = reduce(podState(pod), { ...failed, retry: 'later' }, NOW, SEQUENCE)
    const next = reduce(state, { kind: 'sandboxRunning', sandbox: sandboxRecord() }, NOW, SEQUENCE)
    expect(next.sandboxFailure).toBeUndefined()
  })

  test('of a container that a former kubelet may be starting yet is tried again soon', () => {
    const record = containerRecord({ state: 'created' })
    const action = { kind: 'startCreated', record } as const
    const event = {
      kind: 'stepFailed',
      action,
      reason: 'RunContainerError',
      message: 'no',
      retry: 'later',
    } as const
    const { containerFailures } = reduce(podState(pod), event, NOW, SEQUENCE)
    expect(containerFailures.get('main')?.retryAt).toBe(NOW + 250)
  })

  test('for want of an image asks for the image again', () => {
    const start = {
      kind: 'startContainer',
      sandbox: sandboxRecord(),
      container,
      attempt: 0,
      restartDelayMs: 0,
      imageId: 'x',
    } as const
    const event = {
      kind: 'stepFailed',
      action: start,
      reason: 'CreateContainerError',
      message: 'no',
      retry: 'imageGone',
    } as const
    const next = reduce(podState(pod), event, NOW, SEQUENCE)
    expect(next.images.has('main')).toBe(false)
    expect(next.containerFailures.get('main')?.retryAt).toBe(NOW)
    const again = reduce(next, event, NOW, SEQUENCE)
    expect(again.containerFailures.get('main')?.retryAt).toBe(NOW + 20_000)
  })
})

test('what was pulled for a start is pulled anew for the next where the policy says Always', () => {
  const always = { ...container, imagePullPolicy: 'Always' } as const
  const started = { kind: 'containerStarted', container: always, record: containerRecord() } as const
  expect(reduce(podState(pod), started, NOW, SEQUENCE).images.has('main')).toBe(false)
})

describe('another version of a pod', () => {
  const failing = podState(pod, { containerFailures: new Map([['main', failureNow]]) })
  const desired = (changes: Partial<Pod>) =>
    reduce(failing, { kind: 'desired', pod: { ...structuredClone(pod), ...changes } }, NOW, SEQUENCE)

  test('that only says what was told of it changes nothing', () => {
    const told = { ...pod.told, startedAt: NOW }
    expect(desired({ told })).toEqual({ ...failing, pod: { ...pod, told } })
  })

  test('gives what failed another try, and leaves containers that are as they were alone', () => {
    const next = desired({ labels: new Map([['tier', 'front']]) })
    expect(next.containerFailures.size).toBe(0)
    expect(next.pod?.containers[0]).toBe(container)
  })
})

describe('a ConfigMap that changed', () => {
  const from = { kind: 'ConfigMap', name: 'settings', optional: false } as const
  const value = { kind: 'configKey', from, key: 'a' } as const
  const reader: Pod = { ...pod, containers: [{ ...container, env: [{ name: 'A', value }] }] }
  const source = {
    kind: 'files',
    plugin: 'configmap',
    medium: 'disk',
    mode: 0o644,
    parts: [{ kind: 'config', from, items: [] }],
  } as const
  const shower: Pod = { ...pod, volumes: [{ name: 'v', source }] }
  const waiting = { reason: 'CreateContainerConfigError', message: 'no', count: 1, retryAt: undefined }
  const changed = (name: string, kind: ConfigKind = 'ConfigMap') =>
    ({ kind: 'configChanged', config: { kind, name: objectName('default', name) } }) as const

  test('frees the containers that wait for it', () => {
    const state = podState(reader, { containerFailures: new Map([['main', waiting]]) })
    expect(reduce(state, changed('settings'), NOW, SEQUENCE).containerFailures.size).toBe(0)
    expect(reduce(state, changed('others'), NOW, SEQUENCE)).toBe(state)
  })

  test('outdates the volumes that show it, and no others', () => {
    expect(reduce(podState(shower), changed('settings'), NOW, SEQUENCE).volumes.kind).toBe('outdated')
    expect(reduce(podState(reader), changed('settings'), NOW, SEQUENCE).volumes.kind).toBe('ready')
  })

  test('is not the Secret of the same name', () => {
    const state = podState(shower)
    expect(reduce(state, changed('settings', 'Secret'), NOW, SEQUENCE)).toBe(state)
  })

  test('of another namespace is none of its business', () => {
    const config = { kind: 'ConfigMap', name: objectName('other', 'settings') } as const
    const event = { kind: 'configChanged', config } as const
    const state = podState(shower)
    expect(reduce(state, event, NOW, SEQUENCE)).toBe(state)
  })
})
