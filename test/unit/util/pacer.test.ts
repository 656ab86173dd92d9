import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pacer } from '../../../src/util/pacer.ts'

/** More pieces than lie between two looks at the clock. */
const SOME_PIECES = 20

const becomesDue = (pacer: Pacer): boolean =>
  Array.from({ length: SOME_PIECES }, () => pacer.due()).some(Boolean)

describe('a pacer', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] })
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  it('is not due within its budget, and is after it', () => {
    const pacer = new Pacer(5)
    expect(becomesDue(pacer)).toBe(false)
    vi.advanceTimersByTime(6)
    expect(becomesDue(pacer)).toBe(true)
  })

  it('has a new budget after a pause, in which others had a turn', async () => {
    const pacer = new Pacer(5)
    vi.advanceTimersByTime(6)
    let turns = 0
    setImmediate(() => turns++)
    await pacer.pause()
    expect(turns).toBe(1)
    expect(becomesDue(pacer)).toBe(false)
  })
})
