import { readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { inRoot, root } from '../setup/places.mjs'
import { runProgram } from '../setup/run-program.mjs'

/** The addon, by cmake-js. Ninja or make compile only what changed. */
export const addon = {
  name: 'addon',
  title: 'building the native addon',
  inputs: [
    'CMakeLists.txt',
    'native',
    'node_modules/cmake-js/package.json',
    'node_modules/node-addon-api/package.json',
    'node_modules/node-api-headers/package.json',
  ],
  outputs: ['build/Release/hawser.node'],
  async make() {
    forgetForeignCache()
    const cmakeJs = inRoot('node_modules', 'cmake-js', 'bin', 'cmake-js')
    const jobs = String(availableParallelism())
    await runProgram(process.execPath, [cmakeJs, 'build', '--parallel', jobs], { cwd: root })
  },
}

/** CMake refuses a build folder that was configured for another path: the checkout was moved or copied. */
function forgetForeignCache() {
  const cache = inRoot('build', 'CMakeCache.txt')
  let text
  try {
    text = readFileSync(cache, 'utf8')
  } catch {
    return
  }
  if (text.includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${root}\n`)) return
  rmSync(cache)
  rmSync(inRoot('build', 'CMakeFiles'), { recursive: true, force: true })
}
