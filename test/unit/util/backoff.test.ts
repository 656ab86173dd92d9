import { expect, it } from 'vitest'
import { backoffDelay } from '../../../src/util/backoff.ts'

it.each([
  { failures: 1, delay: 100 },
  { failures: 2, delay: 200 },
  { failures: 4, delay: 800 },
  { failures: 5, delay: 1000 },
  { failures: 5000, delay: 1000 },
])('waits $delay ms after $failures failures in a row', ({ failures, delay }) => {
  expect(backoffDelay({ firstMs: 100, maxMs: 1000 }, failures)).toBe(delay)
})
