import { existsSync, readdirSync, rmSync } from 'node:fs'
import { inRoot, root } from '../setup/places.mjs'
import { runProgram } from '../setup/run-program.mjs'

/** dist/, out of src/, bench/ and cluster/, and of what of test/ the latter start control planes and nodes with. */
export const javascript = {
  name: 'javascript',
  title: 'compiling TypeScript',
  inputs: [
    'src',
    'bench',
    'cluster',
    'test/cluster',
    'test/support',
    'tsconfig.json',
    'tsconfig.build.json',
    'node_modules/typescript/package.json',
  ],
  outputs: ['dist/src/cli/main.js'],
  async make() {
    // tsc trusts its record of what it wrote, and would not write again what someone removed.
    if (!existsSync(inRoot('dist', 'src', 'cli', 'main.js'))) {
      rmSync(inRoot('dist', '.tsbuildinfo'), { force: true })
    }
    const compiler = inRoot('node_modules', 'typescript', 'bin', 'tsc')
    await runProgram(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root })
    removeOrphans('src')
    for (const folder of ['bench', 'cluster', 'test']) removeOrphans(folder)
  },
}

/** Removes compiled files whose source is gone: an import of them would keep working here and nowhere else. */
function removeOrphans(folder) {
  const compiled = inRoot('dist', folder)
  if (!existsSync(compiled)) return
  for (const entry of readdirSync(compiled, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = `${entry.parentPath}/${entry.name}`
    const source = path.replace(inRoot('dist'), root).replace(/\.js(\.map)?$/, '.ts')
    if (!existsSync(source)) rmSync(path)
  }
}
