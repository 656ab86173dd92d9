import { expect, it } from 'vitest'
import type { ImageState } from '../../../../src/kubelet/pods/pod-state.ts'
import { podStatus } from '../../../../src/kubelet/pods/status.ts'
import type { ContainerRecord } from '../../../../src/kubelet/runtime/records.ts'
import { loggedRun } from '../../../../src/kubelet/server/container-log.ts'
import { buildContainer, buildPod } from '../../../support/pod-builder.ts'
import { containerRecord, exitedRecord, NOW, podState, sandboxRecord } from '../../../support/pod-records.ts'

interface Asked {
  readonly container?: string
  readonly previous?: boolean
  readonly images?: ReadonlyMap<string, ImageState>
  readonly restartPolicy?: 'Always' | 'Never'
  readonly init?: boolean
}

/** Which run it is, of a pod `web` whose runtime has these records; or why none. */
function logged(containers: readonly ContainerRecord[], asked: Asked = {}): string {
  const pod = buildPod('web', {
    restartPolicy: asked.restartPolicy ?? 'Always',
    initContainers: asked.init ? [buildContainer({ name: 'first' })] : [],
  })
  const records = { sandboxes: [sandboxRecord()], containers }
  const state = podState(pod, { records, ...(asked.images && { images: asked.images }) })
  const status = podStatus(state, [], NOW)
  try {
    return loggedRun(status, containers, asked.container ?? 'main', asked.previous ?? false).id
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
}

const failed = (kind: string): ReadonlyMap<string, ImageState> =>
  new Map([['main', { kind: 'failed', failure: { reason: kind, message: '', count: 1, retryAt: NOW + 1 } }]])

const crashed = exitedRecord(1, { attempt: 0 })
/** It waits for a while now. */
const crashedAgain = exitedRecord(1, { attempt: 1, restartDelayMs: 10_000 })
const again = containerRecord({ attempt: 1 })

it.each<[string, string, readonly ContainerRecord[], Asked]>([
  ['a running container has its own', 'main-0', [containerRecord()], {}],
  ['one that ended for good too', 'main-0', [crashed], { restartPolicy: 'Never' }],
  ['between two runs it is that of the last', 'main-1', [crashedAgain, crashed], {}],
  ['and so is the previous one', 'main-1', [crashedAgain, crashed], { previous: true }],
  ['one that runs again has its own', 'main-1', [again, crashed], {}],
  ['and a previous one', 'main-0', [again, crashed], { previous: true }],
  [
    'one made but not started has none yet',
    'main-0',
    [containerRecord({ attempt: 1, state: 'created' }), crashed],
    {},
  ],
  [
    'init containers have theirs',
    'first-0',
    [exitedRecord(0, { name: 'first' })],
    { container: 'first', init: true },
  ],
])('%s', (_, expected, records, asked) => {
  expect(logged(records, asked)).toBe(expected)
})

const waits = 'container "main" in pod "web" is waiting to start:'

it.each<[string, readonly ContainerRecord[], Asked]>([
  [`${waits} ContainerCreating`, [], {}],
  [`${waits} PodInitializing`, [], { init: true }],
  [`${waits} image can't be pulled`, [], { images: failed('ErrImagePull') }],
  [`${waits} trying and failing to pull image`, [], { images: failed('ImagePullBackOff') }],
  [`${waits} CreateContainerConfigError`, [], { images: failed('CreateContainerConfigError') }],
  ['previous terminated container "main" in pod "web" not found', [containerRecord()], { previous: true }],
  [
    'previous terminated container "main" in pod "web" not found',
    [crashed],
    { previous: true, restartPolicy: 'Never' },
  ],
  ['previous terminated container "main" in pod "web" not found', [], { previous: true }],
  ['container "other" not found in pod "web"', [containerRecord()], { container: 'other' }],
])('%s', (message, records, asked) => {
  expect(logged(records, asked)).toBe(message)
})
