import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { needs } from '../setup/needs.mjs'
import { inRoot } from '../setup/places.mjs'
import { step } from '../setup/progress.mjs'
import { runProgram, tryProgram } from '../setup/run-program.mjs'
import { countDoctest } from './doctest-summary.mjs'
import { say } from './output.mjs'

/** @type {import('./tier.mjs').Tier} */
export const codecTier = {
  name: 'codec',
  title: 'native code below the binding, under AddressSanitizer and UndefinedBehaviorSanitizer',
  needs: [...needs.build, ...needs.sanitizers, ...needs.compilerCache],
  async run() {
    const folder = inRoot('build', 'sanitized')
    await step('building the native tests', async () => {
      await runProgram('cmake', ['-S', inRoot('native'), '-B', folder, '-DCMAKE_BUILD_TYPE=Debug'])
      await runProgram('cmake', ['--build', folder, '--parallel', String(availableParallelism())])
    })
    const { output, status } = await tryProgram(join(folder, 'codec-tests'), ['--no-colors'])
    say(output)
    return countDoctest(output, status)
  },
}
