import { oneFailed, sum } from './tally.mjs'

/**
 * Counts by doctest's summary: `[doctest] test cases: 12 | 11 passed | 1 failed | 0 skipped`.
 *
 * @param {string} output
 * @param {number | string} status exit status, or the signal that ended the program
 * @returns {import('./tally.mjs').Tally}
 */
export function countDoctest(output, status) {
  const line = output.match(/test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped/)
  // A sanitizer's report ends the program ahead of its summary.
  if (line === null) return oneFailed
  const [passed = 0, failed = 0, skipped = 0] = line.slice(1).map(Number)
  const tally = { passed, failed, skipped }
  // A leak is found after the summary.
  return status !== 0 && failed === 0 ? sum([tally, oneFailed]) : tally
}
