import { describe, expect, test } from 'vitest'
import { podConditions } from '../../../src/kubelet/api/pod-status-object.ts'
import { podOutcome } from '../../../src/kubelet/pods/outcome.ts'
import { planPod } from '../../../src/kubelet/pods/planner.ts'
import type { PodState } from '../../../src/kubelet/pods/pod-state.ts'
import { podStatus } from '../../../src/kubelet/pods/status.ts'
import { probeTargets } from '../../../src/kubelet/probes/targets.ts'
import type { PodRecords } from '../../../src/kubelet/runtime/records.ts'
import { TOLD_NOTHING } from '../../../src/model/pod.ts'
import { NO_PROBES } from '../../../src/model/probe.ts'
import { buildContainer, buildPod } from '../../support/pod-builder.ts'
import { containerRecord, exitedRecord, NOW, podState, sandboxRecord } from '../../support/pod-records.ts'
import { buildProbe } from '../../support/probes.ts'

const sidecar = (name: string) => buildContainer({ name, sidecar: true })
const pod = buildPod('web', {
  restartPolicy: 'Never',
  terminationGracePeriodSeconds: 10,
  initContainers: [sidecar('proxy'), buildContainer({ name: 'migrate' }), sidecar('log')],
})
const probed = buildPod('web', {
  initContainers: [
    { ...sidecar('proxy'), probes: { ...NO_PROBES, startup: buildProbe(), readiness: buildProbe() } },
  ],
})
const running = (name: string) => containerRecord({ name })
const exited = (name: string, exitCode = 0) => exitedRecord(exitCode, { name })
const records = (...containers: PodRecords['containers']): PodRecords => ({
  sandboxes: [sandboxRecord()],
  containers,
})
const all = [running('proxy'), exited('migrate'), running('log'), running('main')]

/** What is done next, and to whom. */
function step(state: PodState): string {
  const { action } = planPod(state, NOW)
  if (action === undefined) return 'nothing'
  if (action.kind === 'startContainer') return `start ${action.container.name}`
  if (action.kind === 'stopContainers')
    return `stop ${action.records.map(({ name }) => name).join(' ')} in ${action.graceSeconds} s`
  return action.kind
}
const next = (...containers: PodRecords['containers']) =>
  step(podState(pod, { records: records(...containers) }))

describe('sidecars', () => {
  test('start in their order among the init containers, and those after them once they have', () => {
    expect(next()).toBe('start proxy')
    expect(next(running('proxy'))).toBe('start migrate')
    expect(next(running('proxy'), running('migrate'))).toBe('nothing')
    expect(next(running('proxy'), exited('migrate'))).toBe('start log')
    expect(next(running('proxy'), exited('migrate'), running('log'))).toBe('start main')
  })

  test('hold back what comes after them until their startup probe has passed', () => {
    const state = podState(probed, { records: records(running('proxy')) })
    expect(step(state)).toBe('nothing')
    const passed = new Map([['proxy-0', { startup: { passed: true, message: '' } }]])
    expect(step({ ...state, probes: passed })).toBe('start main')
  })

  test('are started again however they end, even in a pod that never restarts', () => {
    expect(next(exited('proxy'))).toBe('start proxy')
    expect(next(exited('proxy', 1), exited('migrate'), running('log'), running('main'))).toBe('start proxy')
  })

  test('are no part of how the pod ends, and are ended behind it, the last first', () => {
    const done = [running('proxy'), exited('migrate'), running('log'), exited('main')]
    expect(podOutcome(pod, records(...done))).toBe('Succeeded')
    expect(next(...done)).toBe('stop log in 10 s')
    expect(next(running('proxy'), exited('migrate'), exited('log', 137), exited('main'))).toBe(
      'stop proxy in 10 s',
    )
    expect(next(...[exited('proxy', 137), exited('migrate'), exited('log', 137), exited('main')])).toBe(
      'stopSandbox',
    )
    const told = podStatus(podState(pod, { records: records(...done) }), [], NOW)
    expect(told.phase).toBe('Running')
  })

  test('end behind the others when the pod is to go, in what is left of its time', () => {
    const ending = (since: number, ...containers: PodRecords['containers']) =>
      step(podState(pod, { records: records(...containers), terminating: { graceSeconds: 10, since } }))
    expect(ending(NOW, ...all)).toBe('stop main in 10 s')
    expect(ending(NOW - 7_000, running('proxy'), exited('migrate'), running('log'))).toBe('stop log in 3 s')
    expect(ending(NOW - 70_000, running('proxy'), exited('migrate'))).toBe('stop proxy in 2 s')
  })

  test('are probed, and keep the pod from being ready', () => {
    const started = new Map([['proxy-0', { startup: { passed: true, message: '' } }]])
    const state = podState(probed, { records: records(running('proxy'), running('main')), probes: started })
    expect(probeTargets(state).map(({ container, kind }) => `${container} ${kind}`)).toEqual([
      'proxy readiness',
    ])
    const status = podStatus(state, [], NOW)
    expect(status.ready).toBe(false)
    expect(status.initContainers).toMatchObject([{ ready: false, started: true }])
    const conditions = podConditions(status).map(
      ({ type, status, message }) => `${type} ${status} ${message ?? ''}`,
    )
    expect(conditions).toEqual([
      'PodReadyToStartContainers True ',
      'Initialized True ',
      'ContainersReady False containers with unready status: [proxy]',
      'Ready False containers with unready status: [proxy]',
      'PodScheduled True ',
    ])
  })
})

describe('what is done after a start', () => {
  const container = buildContainer({
    name: 'main',
    lifecycle: { postStart: { kind: 'sleep', seconds: 1 }, preStop: undefined },
  })
  const hooked = buildPod('web', { containers: [container, buildContainer({ name: 'side' })] })
  const state = (postStart: 'pending' | 'passed' | 'failed') =>
    podState(hooked, { records: records(running('main')), postStarts: new Map([['main-0', postStart]]) })

  test('comes before the next container, and before the container counts as started', () => {
    expect(step(state('pending'))).toBe('runPostStart')
    expect(podStatus(state('pending'), [], NOW).containers[0]).toMatchObject({ ready: false, started: false })
    expect(step(state('passed'))).toBe('start side')
    expect(podStatus(state('passed'), [], NOW).containers[0]).toMatchObject({ ready: true, started: true })
  })

  test('ends the container when it fails', () => {
    expect(step(state('failed'))).toBe('stop main in 5 s')
  })

  test('is not done again by the next process', () => {
    expect(step(podState(hooked, { records: records(running('main')) }))).toBe('start side')
  })
})

test('a pod with readiness gates is ready when others say so', () => {
  const gate = 'example.com/load-balanced'
  const ready = (status?: string) => {
    const gates = new Map(status === undefined ? [] : [[gate, status]])
    const gated = buildPod('web', {
      readinessGates: [gate],
      told: { ...TOLD_NOTHING, gates },
    })
    const told = podStatus(podState(gated, { records: records(running('main')) }), [], NOW)
    const condition = podConditions(told).find(({ type }) => type === 'Ready')
    return `${told.ready} ${condition?.status} ${condition?.reason ?? ''} ${condition?.message ?? ''}`.trim()
  }
  expect(ready()).toBe(
    `false False ReadinessGatesNotReady corresponding condition of pod readiness gate "${gate}" does not exist.`,
  )
  expect(ready('False')).toBe(
    `false False ReadinessGatesNotReady the status of pod readiness gate "${gate}" is not "True", but False`,
  )
  expect(ready('True')).toBe('true True')
})
