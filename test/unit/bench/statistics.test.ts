import { describe, expect, it } from 'vitest'
import { median, percentile } from '../../../bench/statistics.ts'

describe('percentile', () => {
  it('is the sample at the nearest rank, whatever the order of the samples', () => {
    const samples = Array.from({ length: 200 }, (_, i) => ((i * 77) % 200) + 1)
    expect(percentile(samples, 0.5)).toBe(100)
    expect(percentile(samples, 0.99)).toBe(198)
    expect(percentile(samples, 1)).toBe(200)
  })

  it('never invents a value between two samples', () => {
    expect(median([10, 20])).toBe(10)
  })

  it('refuses to speak of no samples at all', () => {
    expect(() => percentile([], 0.5)).toThrow(RangeError)
  })
})
