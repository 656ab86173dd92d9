import { readFile } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { errorMessage } from '../../util/error-message.ts'
import { KubeError } from '../error.ts'
import { anonymous, type ClusterAccess } from './cluster-access.ts'

/** Where the kubelet projects a pod's service account. */
export const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'

/** The access that every pod has: the Service `kubernetes` from the environment, the projected token and authority. */
export async function inClusterAccess(
  env: NodeJS.ProcessEnv = process.env,
  folder: string = SERVICE_ACCOUNT_FOLDER,
): Promise<ClusterAccess> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env
  if (!host || !port) {
    throw new KubeError(
      'NOT_IN_CLUSTER',
      'cannot find the API server: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set',
      'run in a pod, or name a kubeconfig',
    )
  }
  const tokenFile = join(folder, 'token')
  const namespace = await readFile(join(folder, 'namespace'), 'utf8').catch(() => 'default')
  await readFile(tokenFile).catch((error: unknown) => {
    throw new KubeError(
      'NOT_IN_CLUSTER',
      `cannot read the service account's token ${tokenFile}: ${errorMessage(error)}`,
      'set automountServiceAccountToken on the pod, or name a kubeconfig',
      { cause: error },
    )
  })
  return {
    name: 'in-cluster',
    server: new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`),
    authority: { kind: 'file', path: join(folder, 'ca.crt') },
    tlsServerName: undefined,
    insecureSkipTlsVerify: false,
    proxy: undefined,
    user: { ...anonymous, tokenFile },
    namespace: namespace.trim(),
  }
}
