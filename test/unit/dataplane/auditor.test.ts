import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Auditor } from '../../../src/dataplane/auditor.ts'
import { silentLogger } from '../../../src/util/logger.ts'

let auditor: Auditor
let audits: number
let outcome: () => Promise<readonly string[]>
/** Tells the auditor of a change by somebody else. */
let meddle: () => void

beforeEach(() => {
  vi.useFakeTimers()
  audits = 0
  outcome = async () => []
  auditor = new Auditor({
    audit: () => {
      audits++
      return outcome()
    },
    intervalMs: 60_000,
    watches: [
      {
        what: 'tables',
        next: () =>
          new Promise((resolve) => {
            meddle = () => resolve(['a table'])
          }),
      },
      { what: 'what ends at once', next: async () => undefined },
      { what: 'what fails', next: () => Promise.reject(new Error('no luck')) },
    ],
    log: silentLogger,
  })
})

afterEach(async () => {
  await auditor.close()
  vi.useRealTimers()
})

it('audits at once and then at intervals', async () => {
  await vi.advanceTimersByTimeAsync(0)
  expect(audits).toBe(1)
  await vi.advanceTimersByTimeAsync(59_999)
  expect(audits).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(audits).toBe(2)
})

it('audits at once when somebody else changed something', async () => {
  await vi.advanceTimersByTimeAsync(10_000)
  meddle()
  await vi.advanceTimersByTimeAsync(0)
  expect(audits).toBe(2)
})

it('gives somebody who goes on changing things a bounded share of its time', async () => {
  for (let i = 0; i < 100; i++) {
    await vi.advanceTimersByTimeAsync(10)
    meddle()
  }
  await vi.advanceTimersByTimeAsync(500)
  expect(audits).toBeGreaterThanOrEqual(3)
  expect(audits).toBeLessThanOrEqual(4)
})

it('gives long audits the same share of the time', async () => {
  outcome = () => new Promise((resolve) => setTimeout(() => resolve([]), 1000))
  for (let i = 0; i < 70; i++) {
    meddle?.()
    await vi.advanceTimersByTimeAsync(100)
  }
  // Each second of it is followed by four of distance.
  expect(audits).toBe(2)
})

it('looks again behind an audit during which something changed', async () => {
  let end = () => {}
  outcome = () =>
    new Promise((resolve) => {
      end = () => resolve([])
    })
  await vi.advanceTimersByTimeAsync(0)
  meddle()
  await vi.advanceTimersByTimeAsync(0)
  end()
  await vi.advanceTimersByTimeAsync(500)
  expect(audits).toBe(2)
  end()
})

it('tries a failed audit again soon', async () => {
  outcome = () => Promise.reject(new Error('no luck'))
  await vi.advanceTimersByTimeAsync(0)
  await vi.advanceTimersByTimeAsync(5000)
  expect(audits).toBe(2)
})

it('does nothing more once closed', async () => {
  await vi.advanceTimersByTimeAsync(0)
  await auditor.close()
  meddle()
  await vi.advanceTimersByTimeAsync(120_000)
  expect(audits).toBe(1)
})
