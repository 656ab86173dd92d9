import { expect, test } from 'vitest'
import { initialPodState } from '../../../src/kubelet/pods/pod-state.ts'
import { podStatus } from '../../../src/kubelet/pods/status.ts'
import { parsePod } from '../../../src/sources/objects/pod.ts'
import { containerRecord, NOW, sandboxRecord } from '../../support/pod-records.ts'

/** A pod with a readiness probe, met in the runtime, whose container the API server was told to be `ready` or not. */
function readyWhenAdopted(ready: boolean, id: string): boolean {
  const { value } = parsePod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', uid: 'uid-web' },
    spec: { containers: [{ name: 'main', image: 'x:1', readinessProbe: { tcpSocket: { port: 80 } } }] },
    status: {
      phase: 'Running',
      containerStatuses: [{ name: 'main', ready, containerID: `containerd://${id}` }],
    },
  })
  if (value === undefined) throw new Error('the pod is none')
  const records = { sandboxes: [sandboxRecord()], containers: [containerRecord({ id: 'running' })] }
  return podStatus(initialPodState(value.name, value.uid, value, records, 0), [], NOW).ready
}

test('a container that a former kubelet found ready stays so until its probe says otherwise', () => {
  expect(readyWhenAdopted(true, 'running')).toBe(true)
})

test('one that was not ready has its probe to pass first', () => {
  expect(readyWhenAdopted(false, 'running')).toBe(false)
})

test('what was said of the run before says nothing of this one', () => {
  expect(readyWhenAdopted(false, 'ended')).toBe(true)
})
