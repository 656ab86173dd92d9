import { expect, it } from 'vitest'
import { podStatus } from '../../../../src/kubelet/pods/status.ts'
import { runningPods, servedPod } from '../../../../src/kubelet/server/pod-lists.ts'
import { buildPod } from '../../../support/pod-builder.ts'
import { containerRecord, exitedRecord, NOW, podState, sandboxRecord } from '../../../support/pod-records.ts'
import { address } from '../../../support/services.ts'

const CONTEXT = { hostIPs: [address('192.0.2.1')], runtimeName: 'containerd' }
const records = {
  sandboxes: [sandboxRecord()],
  containers: [containerRecord(), exitedRecord(0, { name: 'old' })],
}
const state = podState(buildPod('web'), { records })
const status = podStatus(state, [], NOW)
const statuses = new Map([[state.uid, status]])

const written = (conditions: readonly object[]) => ({
  metadata: { name: 'web', uid: state.uid },
  spec: { nodeName: 'worker' },
  status: { phase: 'Pending', qosClass: 'BestEffort', conditions },
})

it('a pod is listed as the API has it, with what the node would say of it now', () => {
  expect(servedPod(written([]), statuses, CONTEXT)).toMatchObject({
    metadata: { name: 'web', uid: state.uid },
    spec: { nodeName: 'worker' },
    status: {
      phase: 'Running',
      qosClass: 'BestEffort',
      podIP: '10.1.0.2',
      podIPs: [{ ip: '10.1.0.2' }],
      hostIP: '192.0.2.1',
      containerStatuses: [{ name: 'main', containerID: 'containerd://main-0' }],
    },
  })
})

it('since when a condition is as it is stays known, and conditions of others stay', () => {
  const since = '2026-11-22T10:00:00Z'
  const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: since }
  const ready = { type: 'Ready', status: 'True', lastTransitionTime: since }
  const unready = { type: 'ContainersReady', status: 'False', lastTransitionTime: since }
  const served = servedPod(written([scheduled, ready, unready]), statuses, CONTEXT)
  const { status: shown } = served as { status: { conditions: readonly object[] } }
  expect(shown.conditions).toEqual(
    expect.arrayContaining([scheduled, ready, { type: 'ContainersReady', status: 'True' }]),
  )
  expect(shown.conditions).toHaveLength(5)
})

it('a pod that the node does not know yet is as the API has it', () => {
  const object = written([])
  expect(servedPod(object, new Map(), CONTEXT)).toBe(object)
})

it('pods that run are those with a sandbox, with the containers that run', () => {
  const ended = podState(buildPod('gone'), {})
  const known = [
    { state, status },
    { state: ended, status: podStatus(ended, [], NOW) },
  ]
  const { items } = JSON.parse(String(runningPods(known).body)) as { items: readonly object[] }
  expect(items).toEqual([
    {
      metadata: { name: 'web', namespace: 'default', uid: state.uid },
      spec: { containers: [{ name: 'main', image: 'sha256:1', resources: {} }] },
      status: {},
    },
  ])
})
