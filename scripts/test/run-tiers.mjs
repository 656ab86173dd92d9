import { buildEverything } from '../build/everything.mjs'
import { ensureDebianPackages } from '../setup/debian-packages.mjs'
import { Failure, printFailure } from '../setup/failure.mjs'
import { isRoot } from '../setup/machine.mjs'
import { needs } from '../setup/needs.mjs'
import { failing, formatFailures, formatTally, oneSkipped, sum } from './tally.mjs'
import { CannotRun } from './tier.mjs'

/**
 * Runs tiers one after the other, each under its heading, and returns the sum of what they counted. No tier's failure
 * keeps the next from running.
 *
 * @param {readonly import('./tier.mjs').Tier[]} tiers
 * @param {{vitest: readonly string[]}} context
 * @returns {Promise<import('./tally.mjs').Tally>}
 */
export async function runTiers(tiers, context) {
  const results = []
  for (const tier of tiers) {
    const start = performance.now()
    print(`\n━━ ${tier.name}: ${tier.title}`)
    const tally = await runTier(tier, context)
    const seconds = ((performance.now() - start) / 1_000).toFixed(1)
    results.push({ name: tier.name, tally, seconds })
    print(`── ${tier.name}: ${formatTally(tally)}, in ${seconds} s`)
  }

  print('\n━━ all tiers')
  for (const { name, tally, seconds } of results) {
    print(`${name.padEnd(12)} ${formatTally(tally).padEnd(36)} ${seconds.padStart(7)} s`)
  }
  const all = sum(results.map(({ tally }) => tally))
  if (all.failed > 0) print(['\n━━ what failed', ...formatFailures(all)].join('\n'))
  return all
}

async function runTier(tier, context) {
  try {
    await prepare(tier)
    return await tier.run(context)
  } catch (error) {
    if (error instanceof CannotRun) {
      print(`!! SKIPPED, all of it: ${error.message}`)
      return oneSkipped
    }
    if (!(error instanceof Failure)) throw error
    printFailure(error)
    return failing(tier.name, error.message)
  }
}

async function prepare(tier) {
  if (tier.root && !isRoot()) throw new CannotRun('it needs root, and this is another user')
  try {
    await ensureDebianPackages(tier.built ? [...needs.build, ...tier.needs] : tier.needs)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    printFailure(error)
    throw new CannotRun('this machine lacks what it needs, see above')
  }
  if (tier.built) await buildEverything()
}

const print = (line) => process.stdout.write(`${line}\n`)
