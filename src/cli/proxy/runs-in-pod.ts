import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { SERVICE_ACCOUNT_FOLDER } from '../../kube/access/in-cluster.ts'

/** Half of a service account is more than none: what is missing of it is worth an error of its own. */
export async function runsInPod(): Promise<boolean> {
  if (process.env.KUBERNETES_SERVICE_HOST !== undefined) return true
  return access(join(SERVICE_ACCOUNT_FOLDER, 'token')).then(
    () => true,
    () => false,
  )
}
