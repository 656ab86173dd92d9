import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout that these scripts belong to. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** A path in the checkout. */
export const inRoot = (...parts) => join(root, ...parts)

/** A path in the cache folder, which outlives checkouts (XDG Base Directory Specification). */
export const inCache = (...parts) =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'hawser', ...parts)
