import { existsSync } from 'node:fs'
import { nodeHeaderArguments } from './node-headers.mjs'
import { inRoot } from './places.mjs'
import { step } from './progress.mjs'
import { runProgram } from './run-program.mjs'

/** Addons of node-netlink, which tests compare our netlink dumps with; npm would build them in install scripts. */
const addons = [
  { folder: inRoot('node_modules', 'syscall-napi'), output: 'build/Release/syscall.node' },
  { folder: inRoot('node_modules', 'buffer2address'), output: 'build/Release/buffer2address.node' },
]

export async function ensureOracle() {
  for (const { folder, output } of addons) {
    if (existsSync(`${folder}/${output}`)) continue
    const nodeGyp = inRoot('node_modules', 'node-gyp', 'bin', 'node-gyp.js')
    await step(`building ${folder.split('/').pop()}, for tests`, () =>
      runProgram(process.execPath, [nodeGyp, 'rebuild', `--directory=${folder}`, ...nodeHeaderArguments()], {
        cwd: folder,
        remedy:
          'node-gyp needs python3, make, g++, and the headers of this Node or the network to fetch them.',
      }),
    )
  }
}
