import { expect, it } from 'vitest'
import { FlowRows } from '../../../../src/dataplane/conntrack/flow-rows.ts'
import type { Frontend } from '../../../../src/dataplane/desired/frontend.ts'
import { objectName } from '../../../../src/model/object-name.ts'
import { frontend, frontendChange, frontendGone } from '../../../support/frontends.ts'

const A = '10.0.0.1'
const B = '10.0.0.2'

function rowsOf(...frontends: readonly Frontend[]): FlowRows {
  const rows = new FlowRows()
  for (const one of frontends) rows.change(frontendChange(one))
  rows.handedOver()
  return rows
}

const frontendRow = (rows: FlowRows, wanted: Frontend): number | undefined =>
  [...rows.frontends()].find(({ frontend }) => frontend.key === wanted.key)?.row

const endpointRows = (rows: FlowRows, of: Frontend): Record<string, number> =>
  Object.fromEntries([...rows.endpointsOf(of)].map(({ row, endpoint }) => [endpoint.address, row]))

it('a frontend keeps its row, and an endpoint its own, whatever else changes', () => {
  const rows = rowsOf(frontend([A, B]))
  const before = { frontend: frontendRow(rows, frontend([])), endpoint: endpointRows(rows, frontend([]))[B] }
  rows.change(frontendChange(frontend([B], { affinitySeconds: 30 })))
  rows.handedOver()
  rows.change(frontendChange(frontend(['10.0.0.9', B])))
  expect(frontendRow(rows, frontend([]))).toBe(before.frontend)
  expect(endpointRows(rows, frontend([]))[B]).toBe(before.endpoint)
})

it('frontends of one Service port share the rows of its endpoints', () => {
  const clusterIp = frontend([A])
  const nodePort = frontend([A], { address: 'node', port: 30080 })
  const rows = rowsOf(clusterIp, nodePort)
  expect(rows.endpointRows).toBe(1)
  rows.change(frontendGone(clusterIp))
  expect(endpointRows(rows, nodePort)).toEqual({ [A]: 0 })
})

it('the same endpoint behind two Services has a row for each', () => {
  const rows = rowsOf(
    frontend([A]),
    frontend([A], { address: '10.96.0.11', service: objectName('default', 'other') }),
  )
  expect(rows.endpointRows).toBe(2)
})

it('a freed row is used again only when the table without it was handed over', () => {
  const first = frontend([A])
  const second = frontend([B], { port: 81, portName: 'second' })
  const third = frontend([B], { port: 82, portName: 'third' })
  const rows = rowsOf(first)
  rows.change(frontendGone(first))
  rows.change(frontendChange(second))
  expect(frontendRow(rows, second)).toBe(1)
  rows.handedOver()
  rows.change(frontendChange(third))
  expect(frontendRow(rows, third)).toBe(0)
})

it('a frontend that passes to another Service starts a row of its own', () => {
  const mine = frontend([A])
  const theirs = frontend([A], { service: objectName('default', 'other') })
  const rows = rowsOf(mine)
  rows.change(frontendChange(theirs))
  expect(frontendRow(rows, theirs)).toBe(1)
  expect(endpointRows(rows, mine)).toEqual({})
})

it('packs each frontend at its row', () => {
  const rows = rowsOf(frontend([A]), frontend([A], { port: 81 }))
  const [frontends, endpoints] = rows.table.buffers()
  expect(frontends.length).toBe(2 * 28)
  expect([...frontends.subarray(28, 28 + 4)]).toEqual([10, 96, 0, 10])
  expect(frontends[28 + 16]).toBe(81)
  expect(endpoints.length).toBe(24)
})
