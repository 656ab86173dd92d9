/** The worlds to compare, by their seeds. */
export interface Settings {
  readonly seeds: readonly number[]
  /** They are those of every run of all tests: together they have in them what worlds are meant to have. */
  readonly areChosen: boolean
}

/** Variables that `npm run test:differential` sets from its flags. */
export const WORLDS_VARIABLE = 'HAWSER_DIFFERENTIAL_WORLDS'
export const SEED_VARIABLE = 'HAWSER_DIFFERENTIAL_SEED'

/**
 * Ten that have each feature of `coverage.ts` several times, found by taking the one that adds most again and again.
 * No two of them have a place in common.
 */
const CHOSEN_SEEDS = [2, 3, 4, 5, 79, 150, 517, 1406, 1421, 1472]

export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const worlds = env[WORLDS_VARIABLE]
  if (worlds === undefined) return { seeds: CHOSEN_SEEDS, areChosen: true }
  const seed = Number(env[SEED_VARIABLE] ?? Math.floor(Math.random() * 1e9))
  return { seeds: Array.from({ length: Number(worlds) }, (_, i) => seed + i), areChosen: false }
}
