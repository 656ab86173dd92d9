import { readFileSync } from 'node:fs'
import { inRoot, root } from './places.mjs'
import { step } from './progress.mjs'
import { runProgram } from './run-program.mjs'

/**
 * Installs the locked npm packages when node_modules differs from package-lock.json.
 *
 * Packages' own install scripts do not run: npm 10 would run them, npm 11 asks for approval first, and nothing that
 * building or running Hawser needs has one. `oracle.mjs` builds the one test dependency that does.
 */
export async function ensureNpmPackages() {
  if (isInstalled()) return
  await step('installing npm packages', () =>
    runProgram('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: root,
      remedy: 'Check that the npm registry is reachable (`npm ping`), then start again.',
    }),
  )
}

/**
 * True when every locked package is installed as locked. npm keeps what it installed in a lock file of its own inside
 * node_modules, so this needs no mark of ours and also knows of an install made by hand. Optional packages may be
 * absent: they are other platforms' binaries.
 */
function isInstalled() {
  const installed = readLock(inRoot('node_modules', '.package-lock.json'))
  const locked = readLock(inRoot('package-lock.json'))
  if (installed === undefined || locked === undefined) return false
  return Object.entries(locked).every(([path, entry]) => {
    if (path === '') return true
    const found = installed[path]
    return found === undefined ? entry.optional === true : found.version === entry.version
  })
}

function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages
  } catch {
    return undefined
  }
}
