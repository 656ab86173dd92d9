import { inCache } from './places.mjs'
import { step } from './progress.mjs'
import { runProgram, tryProgram } from './run-program.mjs'

/**
 * The path of a Node of another major version, from npm's packages of its binaries, which hold the program and have no
 * install scripts. It is kept in the cache folder.
 *
 * @param {number} major
 * @returns {Promise<string>}
 */
export async function ensureOtherNode(major) {
  const packageName = `node-linux-${process.arch}`
  const folder = inCache(`node-${major}`)
  const program = `${folder}/node_modules/${packageName}/bin/node`
  const { output, status } = await tryProgram(program, ['--version'])
  if (status === 0 && output.startsWith(`v${major}.`)) return program

  const args = ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund']
  await step(`installing Node ${major} into ${folder}`, () =>
    runProgram('npm', [...args, `${packageName}@${major}`], {
      remedy: 'Check that the npm registry is reachable (`npm ping`), then start again.',
    }),
  )
  return program
}
