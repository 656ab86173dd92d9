import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')

/** JavaScript that a bare `node` runs. */
export interface CompiledScript {
  readonly path: string
  remove(): Promise<void>
}

/** Compiles a script of the tests, with all that it imports, as it is now. For processes that a test must start anew. */
export async function compileScript(file: string): Promise<CompiledScript> {
  // Where packages are found, and nothing else looks.
  const folder = join(ROOT, 'node_modules/.cache', `hawser-test-${randomBytes(4).toString('hex')}`)
  const output = join(folder, 'js')
  await mkdir(output, { recursive: true })
  const config = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: { noEmit: false, noCheck: true, rootDir: ROOT, outDir: output },
    files: [file],
    include: [],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await promisify(execFile)(process.execPath, [TSC, '-p', folder])
  return {
    path: join(output, relative(ROOT, file).replace(/\.ts$/, '.js')),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
