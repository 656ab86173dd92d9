import { describe, expect, it } from 'vitest'
import { count, counts, parseFlags, sharedFlags } from '../../../bench/flags.ts'

describe('flags of a benchmark', () => {
  it('refuses an unknown flag with a usage error', () => {
    expect(() => parseFlags(['--sevices', '3'], sharedFlags)).toThrow(
      expect.objectContaining({ code: 'BENCH_USAGE' }),
    )
  })

  it.each(['0', '-1', '1.5', 'ten', ''])('refuses %j where a positive whole number is wanted', (text) => {
    expect(() => count('services', text, 10)).toThrow(expect.objectContaining({ code: 'BENCH_USAGE' }))
  })

  it('takes the fallback only when the flag is absent', () => {
    expect(count('services', undefined, 10)).toBe(10)
    expect(count('services', '3', 10)).toBe(3)
  })

  it('takes several numbers separated by commas, each by the same rules', () => {
    expect(counts('services', '10,1000', [1])).toEqual([10, 1000])
    expect(counts('services', undefined, [1, 2])).toEqual([1, 2])
    expect(() => counts('services', '10,,1000', [1])).toThrow(
      expect.objectContaining({ code: 'BENCH_USAGE' }),
    )
  })
})
