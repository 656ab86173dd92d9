import { beforeAll, expect, it } from 'vitest'
import { observe } from './scenario.ts'
import type { FailureObservations } from './scenarios/failing-requests.ts'

let seen: FailureObservations

beforeAll(async () => {
  seen = await observe<FailureObservations>('failing-requests')
})

it('whichever request of a commit fails, and however, the next sync brings the kernel to what is desired', () => {
  expect(seen.cases.filter(({ left }) => left.length > 0)).toEqual([])
  // Requests before the table, the table, requests behind it, addresses.
  expect(seen.cases.length).toBeGreaterThan(15)
})

it('no failure passes for a success', () => {
  expect(seen.cases.filter(({ outcome }) => outcome === 'committed')).toEqual([])
})
