import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The folder of etcd, kube-apiserver and their peers; builds it first when there is none, which takes minutes. */
export async function clusterBinaries(): Promise<string> {
  const script = fileURLToPath(new URL('binaries.sh', import.meta.url))
  const { stdout } = await promisify(execFile)(script)
  return stdout.trim()
}
