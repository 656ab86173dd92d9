import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../bench/package-root.ts'

// From the package's root: the benchmarks have this module compiled elsewhere.
const script = join(packageRoot, 'test', 'cluster', 'binaries.sh')

/** The folder of etcd, kube-apiserver and their peers; builds it first when there is none, which takes minutes. */
export async function clusterBinaries(): Promise<string> {
  const { stdout } = await promisify(execFile)(script)
  return stdout.trim()
}

/** The same folder when it is there already. */
export async function cachedClusterBinaries(): Promise<string | undefined> {
  try {
    return (await promisify(execFile)(script, ['--cached'])).stdout.trim()
  } catch {
    return undefined
  }
}
