import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ClusterEvents } from '../../../../src/cli/proxy/cluster-events.ts'
import type { EventReport } from '../../../../src/kube/event-series.ts'
import { objectName } from '../../../../src/model/object-name.ts'
import type { Problem } from '../../../../src/model/problem.ts'

let reports: EventReport[]
let problems: Problem[]
let events: ClusterEvents

beforeEach(() => {
  vi.useFakeTimers()
  reports = []
  problems = []
  events = new ClusterEvents({
    recorder: { report: (report) => reports.push(report) },
    nodeName: 'here',
    problems: () => problems,
  })
})

afterEach(() => {
  events.close()
  vi.useRealTimers()
})

const collision: Problem = {
  place: 'Service default/web',
  severity: 'error',
  reason: 'its address is taken',
  remedy: 'choose another',
}

it('a problem of a Service is an Event when it comes up, and again when it comes back', () => {
  problems = [collision, { ...collision, place: 'web.yaml:3' }]
  vi.advanceTimersByTime(20_000)
  expect(reports).toEqual([
    {
      regarding: { apiVersion: 'v1', kind: 'Service', namespace: 'default', name: 'web' },
      type: 'Warning',
      reason: 'FailedToServe',
      action: 'ProgramService',
      note: 'on node here: its address is taken (choose another)',
    },
  ])
  problems = []
  vi.advanceTimersByTime(20_000)
  problems = [collision]
  vi.advanceTimersByTime(20_000)
  expect(reports).toHaveLength(2)
})

it('a start and a health check that cannot be answered are said as kube-proxy says them', () => {
  events.started('nftables')
  events.healthCheckFailed({
    service: objectName('default', 'web'),
    port: 30_001,
    error: new Error('the port is taken'),
  })
  expect(reports).toMatchObject([
    { reason: 'Starting', regarding: { kind: 'Node', name: 'here' }, type: 'Normal' },
    {
      reason: 'FailedToStartServiceHealthcheck',
      regarding: { kind: 'Service', name: 'web' },
      note: 'node here cannot answer health checks at port 30001: the port is taken',
    },
  ])
})
