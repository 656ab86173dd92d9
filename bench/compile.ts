import { execFile } from 'node:child_process'
import { mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { BenchError } from './error.ts'
import { packageRoot } from './package-root.ts'

/** What programs of the benchmark are compiled with; a release build of the addon uses the same optimisation level. */
export const compileFlags = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-Werror']

/**
 * Compiles C++ sources (paths from the package's root, the first one's own before libraries) to build/bench/NAME unless
 * that has happened since they last changed; returns the path of the program.
 */
export async function compileProgram(name: string, sources: readonly string[]): Promise<string> {
  const paths = sources.map((source) => join(packageRoot, source))
  const binary = join(packageRoot, 'build', 'bench', name)
  const changed = Math.max(...(await Promise.all(paths.map(modifiedAt))))
  if ((await modifiedAt(binary)) > changed) return binary
  await mkdir(dirname(binary), { recursive: true })
  const includes = ['-I', join(packageRoot, 'native')]
  try {
    await promisify(execFile)('g++', [...compileFlags, ...includes, '-o', binary, ...paths])
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new BenchError('BENCH_FAILED', `compiling ${sources[0]}: ${reason} (is g++ installed?)`, error)
  }
  return binary
}

async function modifiedAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs
  } catch {
    return 0
  }
}
