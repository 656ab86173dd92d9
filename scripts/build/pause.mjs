import { mkdirSync } from 'node:fs'
import { inRoot, root } from '../setup/places.mjs'
import { runProgram } from '../setup/run-program.mjs'

/** The program that holds a pod's namespaces open; static, because its image holds nothing else. */
export const pause = {
  name: 'pause',
  title: 'building the pause program',
  inputs: ['native/pause'],
  outputs: ['build/pause'],
  async make() {
    mkdirSync(inRoot('build'), { recursive: true })
    const flags = ['-static', '-Os', '-s', '-Wall', '-Wextra', '-Werror', '-std=c17']
    await runProgram('gcc', [...flags, '-o', 'build/pause', 'native/pause/pause.c'], { cwd: root })
  },
}
