import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { cachedClusterBinaries } from '../../test/cluster/binaries.ts'
import { BenchError } from '../error.ts'

/**
 * Reads `--peer`; the path of a kubelet. Undefined when none is wanted. Throws a BenchError `BENCH_USAGE` for another
 * peer, or where there is no program.
 */
export async function findKubelet(text: string | undefined): Promise<string | undefined> {
  if (text === undefined) return undefined
  const [name, path = ''] = text.split(/=(.*)/)
  if (name !== 'kubelet') throw usage(`--peer knows kubelet, not "${name}"`)
  const program = path === '' || path === 'built' ? await builtKubelet() : path
  try {
    accessSync(program, constants.X_OK)
  } catch (error) {
    throw usage(`--peer kubelet: ${program} is no program`, error)
  }
  return program
}

async function builtKubelet(): Promise<string> {
  const folder = await cachedClusterBinaries()
  if (folder === undefined)
    throw usage('--peer kubelet: none has been built yet; test/cluster/binaries.sh builds one')
  return join(folder, 'kubelet')
}

const usage = (message: string, cause?: unknown): BenchError => new BenchError('BENCH_USAGE', message, cause)
