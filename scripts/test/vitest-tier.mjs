import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inRoot, root } from '../setup/places.mjs'
import { showProgram } from './show-program.mjs'
import { none, oneFailed, sum } from './tally.mjs'

/**
 * Runs projects of vitest.config.ts with a Node of choice. Its default reporter is for the reader, the JSON one is
 * counted.
 *
 * @param {readonly string[]} projects
 * @param {{vitest: readonly string[], minutes: number, node?: string}} options
 * @returns {Promise<import('./tally.mjs').Tally>}
 */
export async function runVitest(projects, { vitest, minutes, node = process.execPath }) {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-test-'))
  const report = join(folder, 'report.json')
  try {
    const args = [
      inRoot('node_modules', 'vitest', 'vitest.mjs'),
      'run',
      ...projects.map((project) => `--project=${project}`),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...vitest,
    ]
    const end = await showProgram(node, args, { cwd: root, minutes })
    return counted(end, report, vitest.length > 0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function counted(end, report, filtered) {
  const tally = readReport(report)
  if (tally === undefined) {
    process.stderr.write(`vitest left no report: it ${end.reason}\n`)
    return oneFailed
  }
  // An error outside any test, such as an unhandled rejection, fails the run without failing a test.
  if (!end.ok && tally.failed === 0 && !(filtered && tally.passed === 0)) return sum([tally, oneFailed])
  if (!filtered && tally.passed + tally.failed + tally.skipped === 0) {
    process.stderr.write('this tier holds no tests\n')
    return oneFailed
  }
  return tally
}

function readReport(path) {
  let report
  try {
    report = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
  // A file that cannot be loaded, or whose set-up fails before any test, counts as one failure: its tests are unknown.
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  )
  return sum([
    {
      passed: report.numPassedTests,
      failed: report.numFailedTests,
      skipped: report.numPendingTests + report.numTodoTests,
    },
    ...broken.map(() => oneFailed),
    none,
  ])
}
