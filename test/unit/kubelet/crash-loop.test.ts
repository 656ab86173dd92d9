import { expect, test } from 'vitest'
import { crashLoopDelay } from '../../../src/kubelet/pods/crash-loop.ts'
import type { ContainerRecord } from '../../../src/kubelet/runtime/records.ts'
import { exitedRecord, NOW } from '../../support/pod-records.ts'

/** Delays in s before the restarts of a container whose runs last `ranMs` each. */
function delays(restarts: number, ranMs: number): number[] {
  const run = (attempt: number, restartDelayMs: number): ContainerRecord =>
    exitedRecord(1, { attempt, restartDelayMs, startedAt: NOW - ranMs, finishedAt: NOW })
  const result: number[] = []
  for (let attempt = 0, before = 0; attempt < restarts; attempt++) {
    before = crashLoopDelay(run(attempt, before))
    result.push(before / 1_000)
  }
  return result
}

test('delays double from 10 s to 300 s after one restart at once', () => {
  expect(delays(9, 100)).toEqual([0, 10, 20, 40, 80, 160, 300, 300, 300])
})

test('ten minutes of running forgive', () => {
  expect(delays(3, 600_000)).toEqual([0, 0, 0])
})

test('a container that never started did not run for decades', () => {
  expect(crashLoopDelay(exitedRecord(128, { attempt: 1, startedAt: 0, finishedAt: NOW }))).toBe(10_000)
})
