import { anonymous, type ClusterAccess } from '../../kube/access/cluster-access.ts'
import { inClusterAccess } from '../../kube/access/in-cluster.ts'
import { kubeconfigAccess } from '../../kube/access/kubeconfig.ts'
import { KubeClient } from '../../kube/client.ts'
import { RestClientMetrics } from '../../kube/metrics.ts'
import type { Registry } from '../../metrics/registry.ts'
import { packageVersion } from '../package-info.ts'

/** How the API server is found and asked, as kube-proxy's `clientConnection` and `--master` have it. */
export interface ApiAccess {
  /** Undefined: the pod's service account. */
  readonly kubeconfig: string | undefined
  /** Takes the place of the server's URL in the kubeconfig. */
  readonly master: URL | undefined
  readonly qps: number
  readonly burst: number
}

/** Rejects with a KubeError `KUBECONFIG_INVALID` or `NOT_IN_CLUSTER`. */
export async function openApiClient(api: ApiAccess, registry: Registry): Promise<KubeClient> {
  const { qps, burst } = api
  return new KubeClient({
    access: await clusterAccess(api),
    userAgent: `hawser-proxy/${packageVersion()}`,
    qps,
    burst,
    metrics: new RestClientMetrics(registry),
  })
}

async function clusterAccess({ kubeconfig, master }: ApiAccess): Promise<ClusterAccess> {
  if (kubeconfig === undefined && master !== undefined) return unauthenticated(master)
  const found =
    kubeconfig === undefined ? await inClusterAccess() : await kubeconfigAccess({ file: kubeconfig })
  return master === undefined ? found : { ...found, server: master }
}

const unauthenticated = (server: URL): ClusterAccess => ({
  name: server.href,
  server,
  authority: undefined,
  tlsServerName: undefined,
  insecureSkipTlsVerify: false,
  proxy: undefined,
  user: anonymous,
  namespace: 'default',
})
