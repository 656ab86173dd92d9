import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { needs } from '../setup/needs.mjs'
import { inRoot } from '../setup/places.mjs'
import { step } from '../setup/progress.mjs'
import { runProgram, tryProgram } from '../setup/run-program.mjs'
import { oneFailed, sum } from './tally.mjs'

/** @type {import('./tier.mjs').Tier} */
export const codecTier = {
  name: 'codec',
  title: 'native code below the binding, under AddressSanitizer and UndefinedBehaviorSanitizer',
  needs: [...needs.build, ...needs.sanitizers],
  async run() {
    const folder = inRoot('build', 'sanitized')
    await step('building the native tests', async () => {
      await runProgram('cmake', ['-S', inRoot('native'), '-B', folder, '-DCMAKE_BUILD_TYPE=Debug'])
      await runProgram('cmake', ['--build', folder, '--parallel', String(availableParallelism())])
    })
    const { output, status } = await tryProgram(join(folder, 'codec-tests'), ['--no-colors'])
    process.stdout.write(output)
    return counted(output, status)
  },
}

/** Counts by doctest's summary: `[doctest] test cases: 12 | 11 passed | 1 failed | 0 skipped`. */
function counted(output, status) {
  const line = output.match(/test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped/)
  // A sanitizer's report ends the program before its summary.
  if (line === null) return oneFailed
  const [, passed, failed, skipped] = line.map(Number)
  const tally = { passed, failed, skipped }
  return status !== 0 && failed === 0 ? sum([tally, oneFailed]) : tally
}
