// npm test: sets up what tests need, runs every tier that this machine can, and ends with a line that adds them up.
//
//   npm test                              every tier
//   npm test -- unit netns                these
//   npm test -- unit -- -t 'back-off'     with arguments for vitest
//
// Exit status 0 means that something ran and nothing failed.
import { Failure, printFailure, runMain } from './setup/failure.mjs'
import { checkPlatform } from './setup/machine.mjs'
import { ensureNpmPackages } from './setup/npm-packages.mjs'
import { searchPath } from './setup/search-path.mjs'
import { readCommandLine } from './test/command-line.mjs'
import { runTiers } from './test/run-tiers.mjs'
import { formatTally, oneFailed } from './test/tally.mjs'
import { tiers } from './test/tiers.mjs'

await runMain(async () => {
  checkPlatform()
  process.env.PATH = searchPath().join(':')
  const chosen = readCommandLine(
    process.argv.slice(2),
    tiers.map((tier) => tier.name),
  )
  const selected = tiers.filter((tier) => chosen.tiers.includes(tier.name))
  const tally = await run(selected, chosen.vitest)
  process.stdout.write(`\n${formatTally(tally)}\n`)
  const nothingRan = tally.passed === 0 && selected.some((tier) => !tier.uncounted)
  process.exitCode = tally.failed > 0 || nothingRan ? 1 : 0
})

/** Without npm packages nothing can run; that is one failure, and the last line still comes. */
async function run(selected, vitest) {
  try {
    await ensureNpmPackages()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    printFailure(error)
    return oneFailed
  }
  return runTiers(selected, { vitest })
}
