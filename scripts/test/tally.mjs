/**
 * How many tests passed, failed and did not run.
 *
 * @typedef {{passed: number, failed: number, skipped: number}} Tally
 */

/** @type {Readonly<Tally>} */
export const none = { passed: 0, failed: 0, skipped: 0 }
export const onePassed = { passed: 1, failed: 0, skipped: 0 }
export const oneFailed = { passed: 0, failed: 1, skipped: 0 }
export const oneSkipped = { passed: 0, failed: 0, skipped: 1 }

/** @param {readonly Tally[]} tallies @returns {Tally} */
export const sum = (tallies) =>
  tallies.reduce(
    (total, { passed, failed, skipped }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
      skipped: total.skipped + skipped,
    }),
    none,
  )

/** The line that a run ends with, for whoever reads it with a program. */
export const formatTally = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`
