// npm run test:differential: random worlds of Services in a real kube-proxy and in Hawser, beyond the few of npm test.
//
//   npm run test:differential                            30 of them, from a new seed; the failure of one names its own
//   npm run test:differential -- --worlds 500            so many
//   npm run test:differential -- --worlds 1 --seed 42    the world of one seed, as a failure prints it
//
// Exit status 0 means that worlds were compared and nothing differed but what is wanted.
import { parseArgs } from 'node:util'
import { Failure, runMain } from './setup/failure.mjs'
import { checkPlatform } from './setup/machine.mjs'
import { ensureNpmPackages } from './setup/npm-packages.mjs'
import { searchPath } from './setup/search-path.mjs'
import { runTiers } from './test/run-tiers.mjs'
import { differentialTier } from './test/vitest-tiers.mjs'

/** Where test/differential/settings.ts looks for what the flags say. */
const variables = { worlds: 'HAWSER_DIFFERENTIAL_WORLDS', seed: 'HAWSER_DIFFERENTIAL_SEED' }

await runMain(async () => {
  checkPlatform()
  process.env.PATH = searchPath().join(':')
  for (const [flag, value] of Object.entries(readFlags())) process.env[variables[flag]] = value
  await ensureNpmPackages()
  const { passed, failed } = await runTiers([differentialTier], { vitest: [] })
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0
})

function readFlags() {
  const { values } = parse()
  for (const [flag, value] of Object.entries(values)) {
    if (/^\d{1,9}$/.test(value) && (flag !== 'worlds' || Number(value) > 0)) continue
    throw usage(`--${flag} must be a whole number, not "${value}"`)
  }
  return values
}

function parse() {
  try {
    return parseArgs({
      options: { worlds: { type: 'string', default: '30' }, seed: { type: 'string' } },
      strict: true,
    })
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error))
  }
}

const usage = (message) =>
  new Failure('HAWSER_USAGE', message, {
    remedy: 'npm run test:differential -- --worlds N [--seed S]',
  })
