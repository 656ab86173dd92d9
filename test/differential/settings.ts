/** How many worlds, and the seed of the first one; the next ones follow it. */
export interface Settings {
  readonly worlds: number
  readonly seed: number
}

/** Variables that `npm run test:differential` sets from its flags. */
export const WORLDS_VARIABLE = 'HAWSER_DIFFERENTIAL_WORLDS'
export const SEED_VARIABLE = 'HAWSER_DIFFERENTIAL_SEED'

const DEFAULT_WORLDS = 30

export function readSettings(env: NodeJS.ProcessEnv): Settings {
  return {
    worlds: Number(env[WORLDS_VARIABLE] ?? DEFAULT_WORLDS),
    seed: Number(env[SEED_VARIABLE] ?? Math.floor(Math.random() * 1e9)),
  }
}
