import { initialPodState, type PodState } from '../../src/kubelet/pods/pod-state.ts'
import type { ContainerRecord, SandboxRecord } from '../../src/kubelet/runtime/records.ts'
import { NO_RECORDS } from '../../src/kubelet/runtime/records.ts'
import { objectName } from '../../src/model/object-name.ts'
import type { Pod } from '../../src/model/pod.ts'
import { parseAddress } from '../../src/util/address.ts'

/** The moment in which the tables of the planner's and the status' tests take place. */
export const NOW = 1_000_000_000

const IP = parseAddress('10.1.0.2')

export const sandboxRecord = (changes: Partial<SandboxRecord> = {}): SandboxRecord => ({
  id: 'sandbox-0',
  pod: objectName('default', 'web'),
  podUid: 'uid-web',
  attempt: 0,
  ready: true,
  createdAt: NOW - 60_000,
  ips: IP === undefined ? [] : [IP],
  graceSeconds: 30,
  isStatic: false,
  ...changes,
})

/** A running container of the first sandbox, unless told otherwise. */
export const containerRecord = (changes: Partial<ContainerRecord> = {}): ContainerRecord => ({
  id: `${changes.name ?? 'main'}-${changes.attempt ?? 0}`,
  sandboxId: 'sandbox-0',
  podUid: 'uid-web',
  name: 'main',
  attempt: 0,
  state: 'running',
  createdAt: NOW - 50_000,
  startedAt: NOW - 50_000,
  finishedAt: 0,
  exitCode: 0,
  reason: '',
  message: '',
  imageId: 'sha256:1',
  restartDelayMs: 0,
  ...changes,
})

/** One that ended a moment ago. */
export const exitedRecord = (exitCode: number, changes: Partial<ContainerRecord> = {}): ContainerRecord =>
  containerRecord({
    state: 'exited',
    finishedAt: NOW - 1_000,
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    ...changes,
  })

/** A pod whose volumes are ready and whose images are all present, without anything in the runtime yet. */
export function podState(pod: Pod, changes: Partial<PodState> = {}): PodState {
  const containers = [...pod.initContainers, ...pod.containers]
  const records = changes.records ?? NO_RECORDS
  return {
    ...initialPodState(pod.name, pod.uid, pod, records, 0),
    volumes: { kind: 'ready' },
    images: new Map(containers.map(({ name }) => [name, { kind: 'present', id: `sha256:${name}` }])),
    terminationMessages: new Map(records.containers.map(({ id }) => [id, ''])),
    ...changes,
  }
}
