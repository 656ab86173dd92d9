import { failing, sum } from './tally.mjs'

/**
 * Counts by doctest's summary: `[doctest] test cases: 12 | 11 passed | 1 failed | 0 skipped`.
 *
 * @param {string} output
 * @param {number | string} status exit status, or the signal that ended the program
 * @returns {import('./tally.mjs').Tally}
 */
export function countDoctest(output, status) {
  const line = output.match(/test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped/)
  const program = 'the native tests'
  const says = [`They ended with ${status}.`, ...firstErrors(output)].join('\n')
  // A sanitizer's report ends the program ahead of its summary.
  if (line === null) return failing(program, says)
  const [passed = 0, failed = 0, skipped = 0] = line.slice(1).map(Number)
  const tally = { passed, failed, skipped }
  // A leak is found after the summary.
  if (status !== 0 && failed === 0) return sum([tally, failing(program, says)])
  return failed === 0 ? tally : { ...tally, failures: [{ test: program, says }] }
}

/** What doctest and sanitizers say, from the first complaint on. @param {string} output */
function firstErrors(output) {
  const lines = output.split('\n')
  const start = lines.findIndex((line) => /ERROR|TEST CASE:/.test(line))
  return start < 0 ? [] : lines.slice(start, start + MOST_LINES)
}

const MOST_LINES = 100
