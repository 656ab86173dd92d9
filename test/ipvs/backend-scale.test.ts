import { beforeAll, expect, it } from 'vitest'
import { observe } from './scenario.ts'
import type { ScaleObservations } from './scenarios/backend-scale.ts'

let seen: ScaleObservations

beforeAll(async () => {
  seen = await observe<ScaleObservations>('backend-scale')
})
it('many Services are programmed in a hundredth of the system calls that one request an object would take', () => {
  expect(seen.objects).toMatchObject({ 'virtual-servers': 500, 'real-servers': 2500, addresses: 500 })
  // A request alone is a send and a receive.
  const requests = 500 + 2500 + 500
  expect(seen.cold.messages).toBeGreaterThanOrEqual(requests)
  expect(seen.cold.syscalls).toBeLessThanOrEqual((requests * 2) / 100)
})

it('an endpoint takes a message or two, with all the other Services there', () => {
  expect(seen.change['endpoint added'].messages).toBe(1)
  expect(seen.change['endpoint removed'].messages).toBe(1)
  expect(seen.change['endpoint replaced'].messages).toBe(2)
  expect(seen.change['endpoint of this node added'].messages).toBe(1)
})

it('the next process lists each virtual server, makes its table, and requests nothing else', () => {
  const [listings, table] = [500, 100]
  expect(seen.takeover.messages).toBeGreaterThanOrEqual(listings)
  expect(seen.takeover.messages).toBeLessThanOrEqual(listings + table)
})

it('nft lists the table', () => {
  expect(seen.table).toContain('typeof ip daddr . meta l4proto . th dport . ip saddr')
  expect(seen.table).toContain('update @hairpin { ip saddr . ip saddr timeout 10s }')
  expect(seen.table).toContain('fib saddr type local')
})
