import { describe, expect, test } from 'vitest'
import { planPod } from '../../../../src/kubelet/pods/planner.ts'
import { podStatus } from '../../../../src/kubelet/pods/status.ts'
import { probeTargets } from '../../../../src/kubelet/probes/targets.ts'
import { ADOPTED, type ProbeVerdicts } from '../../../../src/kubelet/probes/verdicts.ts'
import type { ContainerProbes } from '../../../../src/model/probe.ts'
import { NO_PROBES } from '../../../../src/model/probe.ts'
import { buildContainer, buildPod } from '../../../support/pod-builder.ts'
import { containerRecord, NOW, podState, sandboxRecord } from '../../../support/pod-records.ts'
import { buildProbe } from '../../../support/probes.ts'

const probe = buildProbe()
const passed = { passed: true, message: '' }
const failed = { passed: false, message: 'HTTP status 503' }

interface Row {
  readonly when: string
  readonly probes: Partial<ContainerProbes>
  readonly verdicts?: ProbeVerdicts
  readonly asks: readonly string[]
  readonly ready: boolean
  readonly started?: boolean
  readonly ends?: number
}

const ROWS: readonly Row[] = [
  { when: 'it has no probes', probes: {}, asks: [], ready: true },
  { when: 'its readiness is undecided', probes: { readiness: probe }, asks: ['readiness'], ready: false },
  {
    when: 'its readiness passed',
    probes: { readiness: probe },
    verdicts: { readiness: passed },
    asks: ['readiness'],
    ready: true,
  },
  {
    when: 'its readiness failed',
    probes: { readiness: probe },
    verdicts: { readiness: failed },
    asks: ['readiness'],
    ready: false,
  },
  { when: 'its liveness is undecided', probes: { liveness: probe }, asks: ['liveness'], ready: true },
  {
    when: 'its liveness failed',
    probes: { liveness: probe },
    verdicts: { liveness: failed },
    asks: ['liveness'],
    ready: true,
    ends: 5,
  },
  {
    when: 'its liveness failed, with a grace of its own',
    probes: { liveness: buildProbe({ terminationGracePeriodSeconds: 1 }) },
    verdicts: { liveness: failed },
    asks: ['liveness'],
    ready: true,
    ends: 1,
  },
  {
    when: 'it is starting up',
    probes: { startup: probe, liveness: probe, readiness: probe },
    asks: ['startup'],
    ready: false,
    started: false,
  },
  {
    when: 'it has started up',
    probes: { startup: probe, liveness: probe, readiness: probe },
    verdicts: { startup: passed },
    asks: ['liveness', 'readiness'],
    ready: false,
  },
  {
    when: 'it does not start up',
    probes: { startup: probe },
    verdicts: { startup: failed },
    asks: ['startup'],
    ready: false,
    started: false,
    ends: 5,
  },
  {
    when: 'it ran before this process did',
    probes: { startup: probe, readiness: probe },
    verdicts: ADOPTED,
    asks: ['startup'],
    ready: true,
    started: false,
  },
]

describe('a running container, when', () => {
  test.each(ROWS)('$when', ({ probes, verdicts = {}, asks, ready, started = true, ends }) => {
    const pod = buildPod('web', {
      containers: [buildContainer({ name: 'main', probes: { ...NO_PROBES, ...probes } })],
    })
    const records = { sandboxes: [sandboxRecord()], containers: [containerRecord()] }
    const state = podState(pod, { records, probes: new Map([['main-0', verdicts]]) })
    expect(probeTargets(state).map(({ kind }) => kind)).toEqual(asks)
    expect(podStatus(state, [], NOW)).toMatchObject({ ready, containers: [{ ready, started }] })
    const { action } = planPod(state, NOW)
    expect(action?.kind === 'stopContainers' ? action.graceSeconds : action).toEqual(ends)
  })
})

test('what its probes miss is told', () => {
  const pod = buildPod('web', {
    containers: [buildContainer({ name: 'main', probes: { ...NO_PROBES, readiness: probe } })],
  })
  const records = { sandboxes: [sandboxRecord()], containers: [containerRecord()] }
  const state = podState(pod, { records, probes: new Map([['main-0', { readiness: failed }]]) })
  expect(podStatus(state, [], NOW)).toMatchObject({
    reason: 'Running',
    message: 'readiness probe of main fails: HTTP status 503',
  })
})

test('nothing is asked of a pod that is ending, nor while the runtime is away', () => {
  const pod = buildPod('web', {
    containers: [buildContainer({ name: 'main', probes: { ...NO_PROBES, readiness: probe } })],
  })
  const records = { sandboxes: [sandboxRecord()], containers: [containerRecord()] }
  expect(probeTargets(podState(pod, { records, terminating: { graceSeconds: 1 } }))).toEqual([])
  expect(probeTargets(podState(pod, { records, runtimeAway: true }))).toEqual([])
})
