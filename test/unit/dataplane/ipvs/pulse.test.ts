import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Pulse } from '../../../../src/dataplane/ipvs/pulse.ts'

let looks: number
let look: () => Promise<readonly string[]>
let pulse: Pulse

beforeEach(() => {
  vi.useFakeTimers()
  looks = 0
  look = async () => []
  pulse = new Pulse(() => {
    looks++
    return look()
  }, 1000)
})

afterEach(() => {
  pulse.close()
  vi.useRealTimers()
})

it('tells of what a look finds, and looks no further until it is asked again', async () => {
  const next = pulse.next()
  await vi.advanceTimersByTimeAsync(3000)
  expect(looks).toBe(3)
  look = async () => ['a VIP']
  await vi.advanceTimersByTimeAsync(1000)
  expect(await next).toEqual(['a VIP'])
  await vi.advanceTimersByTimeAsync(5000)
  expect(looks).toBe(4)
})

it('goes on behind a look that failed', async () => {
  look = () => Promise.reject(new Error('no luck'))
  const next = pulse.next()
  await vi.advanceTimersByTimeAsync(1000)
  look = async () => ['a VIP']
  await vi.advanceTimersByTimeAsync(1000)
  expect(await next).toEqual(['a VIP'])
})

it('ends when it is closed', async () => {
  const next = pulse.next()
  pulse.close()
  expect(await next).toBeUndefined()
  expect(await pulse.next()).toBeUndefined()
})
