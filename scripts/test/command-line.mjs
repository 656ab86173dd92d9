import { Failure } from '../setup/failure.mjs'

/**
 * Reads `npm test -- [tier…] [-- vitest arguments…]`. npm removes the first `--`, so the second one arrives here.
 *
 * @param {readonly string[]} args
 * @param {readonly string[]} known names of all tiers
 * @returns {{tiers: readonly string[], vitest: readonly string[]}} tiers in their own order; all when none is named
 */
export function readCommandLine(args, known) {
  const split = args.indexOf('--')
  const named = split < 0 ? args : args.slice(0, split)
  const vitest = split < 0 ? [] : args.slice(split + 1)
  const unknown = named.filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    throw new Failure('HAWSER_UNKNOWN_TIER', `there is no tier called ${unknown.join(', ')}`, {
      remedy: `The tiers are ${known.join(', ')}. Arguments for vitest come after a \`--\` of their own: npm test -- unit -- -t name`,
    })
  }
  return { tiers: named.length === 0 ? known : known.filter((name) => named.includes(name)), vitest }
}
