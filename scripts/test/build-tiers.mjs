import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { addon } from '../build/addon.mjs'
import { ensure } from '../build/product.mjs'
import { needs } from '../setup/needs.mjs'
import { nodeHeaderArguments } from '../setup/node-headers.mjs'
import { inRoot } from '../setup/places.mjs'
import { step } from '../setup/progress.mjs'
import { runProgram } from '../setup/run-program.mjs'
import { cachedCompilers } from './compiler-cache.mjs'
import { onePassed } from './tally.mjs'

/** @type {import('./tier.mjs').Tier} */
export const cmakeJsTier = {
  name: 'cmake-js',
  title: 'the addon, built with cmake-js, loads',
  needs: [...needs.build, ...needs.compilerCache],
  async run() {
    await ensure(addon)
    await load(inRoot('build', 'Release', 'hawser.node'))
    return onePassed
  },
}

/** @type {import('./tier.mjs').Tier} */
export const nodeGypTier = {
  name: 'node-gyp',
  title: 'the addon builds with node-gyp too, and loads',
  needs: [...needs.build, ...needs.nodeGyp, ...needs.compilerCache],
  async run() {
    const folder = mirror()
    const nodeGyp = inRoot('node_modules', 'node-gyp', 'bin', 'node-gyp.js')
    const jobs = `--jobs=${availableParallelism()}`
    await step('building the native addon with node-gyp', () =>
      runProgram(process.execPath, [nodeGyp, 'configure', 'build', jobs, ...nodeHeaderArguments()], {
        cwd: folder,
        env: cachedCompilers(),
      }),
    )
    await load(join(folder, 'build', 'Release', 'hawser.node'))
    return onePassed
  },
}

/** A folder that looks like the checkout to node-gyp: its output would otherwise take the place of cmake-js's. */
function mirror() {
  const folder = inRoot('build', 'node-gyp')
  mkdirSync(folder, { recursive: true })
  for (const name of ['binding.gyp', 'package.json', 'native', 'node_modules']) {
    if (!existsSync(join(folder, name))) symlinkSync(inRoot(name), join(folder, name))
  }
  return folder
}

const load = (addon) => runProgram(process.execPath, ['--eval', 'require(process.argv[1])', addon])
