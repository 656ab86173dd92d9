import { oneFailed, sum } from './tally.mjs'

/**
 * Counts what vitest's JSON reporter wrote.
 *
 * @param {{
 *   numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *   testResults: readonly {status: string, assertionResults: readonly {status: string}[]}[]
 * }} report
 * @returns {import('./tally.mjs').Tally}
 */
export function countReport(report) {
  // A file that cannot be loaded, or whose set-up fails ahead of its tests, is one failure: its tests are unknown.
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  )
  const tests = {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
  }
  return sum([tests, ...broken.map(() => oneFailed)])
}
