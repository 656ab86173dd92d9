import { describe, expect, it } from 'vitest'
import { RateLimiter } from '../../../src/kube/rate-limiter.ts'

describe('the rate limiter', () => {
  it('lets a burst through at once, then one request in each share of a second', () => {
    const limiter = new RateLimiter(10, 3, 0)
    const waits = Array.from({ length: 6 }, () => limiter.reserve(0))
    expect(waits).toEqual([0, 0, 0, 100, 200, 300])
  })

  it('fills up again while nothing is asked for, to the burst and no further', () => {
    const limiter = new RateLimiter(10, 2, 0)
    limiter.reserve(0)
    limiter.reserve(0)
    expect(limiter.reserve(60_000)).toBe(0)
    expect(limiter.reserve(60_000)).toBe(0)
    expect(limiter.reserve(60_000)).toBe(100)
  })

  it('limits nothing without a rate', () => {
    const limiter = new RateLimiter(0, 0, 0)
    expect(Array.from({ length: 1_000 }, () => limiter.reserve(0)).every((wait) => wait === 0)).toBe(true)
  })
})
