import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inRoot, root } from '../setup/places.mjs'
import { showProgram } from './show-program.mjs'
import { oneFailed, sum } from './tally.mjs'
import { countReport } from './vitest-report.mjs'

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

function counted(end, path, filtered) {
  const tally = readTally(path)
  if (tally === undefined) {
    process.stderr.write(`vitest left no report: it ${end.reason}\n`)
    return oneFailed
  }
  if (tally.passed + tally.failed + tally.skipped === 0 && !filtered) {
    process.stderr.write('this tier holds no tests\n')
    return oneFailed
  }
  // An error outside any test, such as an unhandled rejection, fails the run without failing a test. So does a filter
  // that matches nothing, which is no failure here: other tiers may match.
  const matchedNothing = filtered && tally.passed === 0
  return end.ok || tally.failed > 0 || matchedNothing ? tally : sum([tally, oneFailed])
}

function readTally(path) {
  try {
    return countReport(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined
  }
}
