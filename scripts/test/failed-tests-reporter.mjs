import { writeFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

/** Names the file that the reporter leaves a run's failures in, as JSON. */
export const FAILURES_VARIABLE = 'HAWSER_TEST_FAILURES'

/**
 * A reporter of vitest that keeps what failed, and what it said, for the end of all tiers: vitest's own JSON report has no
 * differences of values in it, and of a file whose set-up failed no reason.
 */
export default class FailedTestsReporter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly import('vitest').SerializedError[]} errors outside any test
   */
  onTestRunEnd(modules, errors) {
    const failures = [
      ...modules.flatMap((module) => [
        ...module.errors().map((error) => failure(module.relativeModuleId, error)),
        ...[...module.children.allSuites()].flatMap((suite) =>
          suite.errors().map((error) => failure(`${module.relativeModuleId} > ${suite.fullName}`, error)),
        ),
        ...[...module.children.allTests('failed')].map((test) =>
          failure(`${module.relativeModuleId} > ${test.fullName}`, test.result().errors?.[0]),
        ),
      ]),
      ...errors.map((error) => failure('outside any test', error)),
    ]
    for (const test of modules.flatMap((module) => [...module.children.allTests('passed')]))
      if (test.diagnostic()?.flaky === true)
        process.stdout.write(
          `!! passed at its second attempt only, which is a defect: ${test.module.relativeModuleId} > ${test.fullName}\n`,
        )
    writeFileSync(process.env[FAILURES_VARIABLE] ?? '/dev/null', JSON.stringify(failures))
  }
}

/** @returns {import('./tally.mjs').FailedTest} */
const failure = (test, error) => ({
  test,
  says: stripVTControlCharacters([error?.message, error?.diff].filter(Boolean).join('\n')),
})
