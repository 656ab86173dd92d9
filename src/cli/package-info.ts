import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The folder of package.json: above `src/` when run as it is, above `dist/` when compiled. */
export const packageRoot = above(import.meta.dirname)

/** The version in package.json. */
export function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  const known = typeof parsed === 'object' && parsed !== null && 'version' in parsed
  return known && typeof parsed.version === 'string' ? parsed.version : 'unknown'
}

function above(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder)
    throw new Error(`Hawser is not installed whole: no package.json above ${import.meta.dirname}`)
  return above(parent)
}
