/**
 * A test that failed, by its name, and what it said.
 *
 * @typedef {{test: string, says: string}} FailedTest
 */

/**
 * How many tests passed, failed and did not run, and of those that failed what is known.
 *
 * @typedef {{passed: number, failed: number, skipped: number, failures?: readonly FailedTest[]}} Tally
 */

/** @type {Readonly<Tally>} */
export const none = { passed: 0, failed: 0, skipped: 0 }
export const onePassed = { passed: 1, failed: 0, skipped: 0 }
export const oneFailed = { passed: 0, failed: 1, skipped: 0 }
export const oneSkipped = { passed: 0, failed: 0, skipped: 1 }

/** @param {string} test @param {string} says @returns {Tally} */
export const failing = (test, says) => ({ ...oneFailed, failures: [{ test, says }] })

/** @param {readonly Tally[]} tallies @returns {Tally} */
export const sum = (tallies) =>
  tallies.reduce(
    (total, { passed, failed, skipped, failures = [] }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
      skipped: total.skipped + skipped,
      ...(total.failures || failures.length > 0
        ? { failures: [...(total.failures ?? []), ...failures] }
        : {}),
    }),
    /** @type {Tally} */ (none),
  )

/** What of a failure is worth repeating: a difference of large values is pages. */
const LINES = 25

/** What failed, for the end of a run, where it is found: the lines of each tier are far above. @param {Tally} tally */
export const formatFailures = ({ failures = [] }) =>
  failures.flatMap(({ test, says }) => {
    const lines = says.trimEnd().split('\n')
    const left = lines.length - LINES
    return [`✗ ${test}`, ...lines.slice(0, LINES), ...(left > 0 ? [`… and ${left} lines more`] : [])].map(
      (line, i) => (i === 0 ? line : `    ${line}`),
    )
  })

/** The line that a run ends with, for whoever reads it with a program. */
export const formatTally = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`
