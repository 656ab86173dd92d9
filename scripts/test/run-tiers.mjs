import { availableParallelism } from 'node:os'
import { buildEverything } from '../build/everything.mjs'
import { ensureDebianPackages } from '../setup/debian-packages.mjs'
import { Failure, printFailure } from '../setup/failure.mjs'
import { isRoot } from '../setup/machine.mjs'
import { needs } from '../setup/needs.mjs'
import { useCompilerCache } from './compiler-cache.mjs'
import { keepBack, say } from './output.mjs'
import { failing, formatFailures, formatTally, oneSkipped, sum } from './tally.mjs'
import { CannotRun } from './tier.mjs'

/**
 * Runs tiers in their order, each under its heading, and returns the sum of what they counted. No tier's failure keeps
 * the next from running. One that may run aside of an earlier one begins with that, and is shown in its turn.
 *
 * @param {readonly import('./tier.mjs').Tier[]} tiers
 * @param {{vitest: readonly string[]}} context
 * @returns {Promise<import('./tally.mjs').Tally>}
 */
export async function runTiers(tiers, context) {
  const start = performance.now()
  const aside = new Map()
  const results = []
  for (const tier of tiers) {
    for (const other of tiers.filter((one) => mayRunAside(one, tier) && !aside.has(one)))
      aside.set(
        other,
        keepBack(() => showTier(other, context)),
      )
    aside.get(tier)?.letOut()
    results.push(await (aside.get(tier)?.done ?? showTier(tier, context)))
  }

  say('\n━━ all tiers\n')
  for (const { name, tally, seconds } of results)
    say(`${name.padEnd(12)} ${formatTally(tally).padEnd(36)} ${seconds.padStart(7)} s\n`)
  say(`${'together'.padEnd(49)} ${secondsSince(start).padStart(7)} s\n`)
  const all = sum(results.map(({ tally }) => tally))
  if (all.failed > 0) say(['\n━━ what failed', ...formatFailures(all), ''].join('\n'))
  return all
}

/** Each of them takes one processor. */
const mayRunAside = (tier, other) => availableParallelism() > 1 && (tier.aside ?? []).includes(other.name)

async function showTier(tier, context) {
  const start = performance.now()
  say(`\n━━ ${tier.name}: ${tier.title}\n`)
  const tally = await runTier(tier, context)
  const seconds = secondsSince(start)
  say(`── ${tier.name}: ${formatTally(tally)}, in ${seconds} s\n`)
  return { name: tier.name, tally, seconds }
}

const secondsSince = (start) => ((performance.now() - start) / 1_000).toFixed(1)

async function runTier(tier, context) {
  try {
    await oneAtATime(() => prepare(tier))
    return await tier.run(context)
  } catch (error) {
    if (error instanceof CannotRun) {
      say(`!! SKIPPED, all of it: ${error.message}\n`)
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
  useCompilerCache()
  if (tier.built) await buildEverything()
}

let turn = Promise.resolve()

/** Packages and builds have locks that do not wait. */
function oneAtATime(work) {
  const done = turn.then(work)
  turn = done.catch(() => undefined)
  return done
}
