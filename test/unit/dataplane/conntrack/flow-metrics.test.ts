import { expect, it } from 'vitest'
import { reportConnections } from '../../../../src/dataplane/conntrack/connection-report.ts'
import type { CountSource } from '../../../../src/dataplane/conntrack/flow-counts.ts'
import { renderFlowMetrics } from '../../../../src/dataplane/conntrack/flow-metrics.ts'
import { FlowRows } from '../../../../src/dataplane/conntrack/flow-rows.ts'
import type { Frontend } from '../../../../src/dataplane/desired/frontend.ts'
import { objectName } from '../../../../src/model/object-name.ts'
import { FLOW_COLUMNS, FLOW_ROW_WIDTH } from '../../../../src/native/conntrack-events.ts'
import { frontend, frontendChange } from '../../../support/frontends.ts'

/** Counters by row: opened connections, and of endpoints unanswered ones too. */
interface Numbers {
  readonly frontends?: readonly number[]
  readonly endpoints?: readonly (readonly [opened: number, unreplied: number])[]
  readonly lifetimes?: readonly (readonly number[])[]
}

function source(frontends: readonly Frontend[], numbers: Numbers): CountSource {
  const rows = new FlowRows()
  for (const one of frontends) rows.change(frontendChange(one))
  rows.handedOver()
  const write = (into: Float64Array, row: number, column: number, value: number): void => {
    if (row * FLOW_ROW_WIDTH + column < into.length) into[row * FLOW_ROW_WIDTH + column] = value
  }
  const written = (into: Float64Array, fill: () => void): number => {
    fill()
    return into.length
  }
  return {
    rows,
    events: {
      status: () => {
        throw new Error('is not asked')
      },
      readFrontends: (into) =>
        written(into, () => {
          for (const [row, n] of numbers.frontends?.entries() ?? []) write(into, row, FLOW_COLUMNS.opened, n)
        }),
      readEndpoints: (into) =>
        written(into, () =>
          numbers.endpoints?.forEach(([opened, unreplied], row) => {
            write(into, row, FLOW_COLUMNS.opened, opened)
            write(into, row, FLOW_COLUMNS.unreplied, unreplied)
          }),
        ),
      readLifetimes: (into) =>
        written(into, () =>
          numbers.lifetimes?.forEach((buckets, row) => {
            for (const [i, n] of buckets.entries()) write(into, row, i, n)
          }),
        ),
      readRetired: (into) => written(into, () => write(into, 0, FLOW_COLUMNS.opened, 1000)),
    },
  }
}

const at = (index: number, endpoints: readonly string[] = ['10.0.0.1']): Frontend =>
  frontend(endpoints, {
    address: `10.96.${index >> 8}.${index & 255}`,
    service: objectName('default', `web-${index}`),
  })

const series = (text: string, name: string): readonly string[] =>
  text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))

it('the busiest Services and endpoints have series of their own, and the total has all', async () => {
  const frontends = [at(1), at(2), at(3)]
  const counted = source(frontends, {
    frontends: [5, 70, 6],
    endpoints: [
      [5, 0],
      [70, 0],
      [6, 0],
    ],
  })
  const text = await renderFlowMetrics(counted, { services: 2, endpoints: 1 })
  expect(series(text, 'hawser_conntrack_connections_opened_total')).toEqual([
    'hawser_conntrack_connections_opened_total 1081',
  ])
  expect(series(text, 'hawser_conntrack_service_connections_opened_total')).toEqual([
    'hawser_conntrack_service_connections_opened_total{namespace="default",service="web-2"} 70',
    'hawser_conntrack_service_connections_opened_total{namespace="default",service="web-3"} 6',
  ])
  expect(series(text, 'hawser_conntrack_endpoint_connections_opened_total')).toEqual([
    'hawser_conntrack_endpoint_connections_opened_total{namespace="default",service="web-2",port="web",protocol="UDP",endpoint="10.0.0.1:8080"} 70',
  ])
})

it('life times are a histogram of each Service that is counted', async () => {
  const counted = source([at(1)], { frontends: [5], lifetimes: [[1, 2, 0, 0, 0, 0, 0, 4]] })
  const text = await renderFlowMetrics(counted, { services: 1, endpoints: 0 })
  const buckets = series(text, 'hawser_conntrack_service_connection_lifetime_seconds_bucket')
  expect(buckets.map((line) => line.slice(line.indexOf('le=')))).toEqual([
    'le="0.01"} 1',
    'le="0.1"} 3',
    ...['1', '10', '60', '600', '3600'].map((bound) => `le="${bound}"} 3`),
    'le="+Inf"} 7',
  ])
  expect(series(text, 'hawser_conntrack_service_connection_lifetime_seconds_count')).toEqual([
    'hawser_conntrack_service_connection_lifetime_seconds_count{namespace="default",service="web-1"} 7',
  ])
})

it('a limit of none leaves the total', async () => {
  const text = await renderFlowMetrics(source([at(1)], { frontends: [5] }), { services: 0, endpoints: 0 })
  expect(
    text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && line.includes('{')),
  ).toEqual([])
})

it('others get their turn of the event loop while thousands of series are written', async () => {
  const frontends = Array.from({ length: 4000 }, (_, i) => at(i, ['10.0.0.1', '10.0.0.2', '10.0.0.3']))
  const counted = source(frontends, {
    frontends: frontends.map(() => 3),
    endpoints: frontends.flatMap(() => Array.from({ length: 3 }, () => [1, 0] as const)),
  })
  let turns = 0
  let rendering = true
  const turn = (): void => {
    turns++
    if (rendering) setImmediate(turn)
  }
  setImmediate(turn)
  const text = await renderFlowMetrics(counted, { services: 4000, endpoints: 4000 })
  rendering = false
  expect(text.split('\n').length).toBeGreaterThan(4000 * 2 * 8)
  expect(turns).toBeGreaterThan(2)
})

it('a report names the endpoints that ever left a client without an answer, and all of the chosen Service', async () => {
  const counted = source([at(1, ['10.0.0.1', '10.0.0.2']), at(2, ['10.0.0.1', '10.0.0.2'])], {
    frontends: [3, 3],
    endpoints: [
      [2, 1],
      [1, 0],
      [2, 2],
      [1, 0],
    ],
  })
  const { services } = await reportConnections(counted, objectName('default', 'web-2'))
  expect(
    services.map(({ service, endpoints }) => [service, endpoints.map(({ endpoint }) => endpoint)]),
  ).toEqual([
    ['default/web-1', ['10.0.0.1:8080']],
    ['default/web-2', ['10.0.0.1:8080', '10.0.0.2:8080']],
  ])
})
