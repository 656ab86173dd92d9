import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inRoot, root } from '../setup/places.mjs'
import { FAILURES_VARIABLE } from './failed-tests-reporter.mjs'
import { showProgram } from './show-program.mjs'
import { failing, sum } from './tally.mjs'
import { countReport } from './vitest-report.mjs'

/**
 * Runs projects of vitest.config.ts with a Node of choice. Its default reporter is for the reader, the JSON one is
 * counted,
 * and a third of ours says what failed.
 *
 * @param {readonly string[]} projects
 * @param {{vitest: readonly string[], minutes: number, node?: string}} options
 * @returns {Promise<import('./tally.mjs').Tally>}
 */
export async function runVitest(projects, { vitest, minutes, node = process.execPath }) {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-test-'))
  const [report, failures] = [join(folder, 'report.json'), join(folder, 'failures.json')]
  try {
    const args = [
      inRoot('node_modules', 'vitest', 'vitest.mjs'),
      'run',
      ...projects.map((project) => `--project=${project}`),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      `--reporter=${inRoot('scripts', 'test', 'failed-tests-reporter.mjs')}`,
      ...vitest,
    ]
    const env = { ...process.env, [FAILURES_VARIABLE]: failures }
    const end = await showProgram(node, args, { cwd: root, minutes, env })
    return counted(end, readTally(report, failures), { projects, filtered: vitest.length > 0 })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function counted(end, tally, { projects, filtered }) {
  const run = `vitest of ${projects.join(' and ')}`
  if (tally === undefined) return failing(run, `It left no report: it ${end.reason}.`)
  if (tally.passed + tally.failed + tally.skipped === 0 && !filtered)
    return failing(run, 'This tier holds no tests.')
  // An error outside any test, such as an unhandled rejection, fails the run without failing a test. So does a filter
  // that matches nothing, which is no failure here: other tiers may match.
  const matchedNothing = filtered && tally.passed === 0
  if (end.ok || tally.failed > 0 || matchedNothing) return tally
  return sum([tally, failing(run, `No test failed, but it ${end.reason}.`)])
}

function readTally(report, failures) {
  try {
    return { ...countReport(readJson(report)), failures: readJson(failures) }
  } catch {
    return undefined
  }
}

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))
