import type { ClusterAccess } from '../../kube/access/cluster-access.ts'
import { kubeconfigAccess } from '../../kube/access/kubeconfig.ts'
import { KubeClient } from '../../kube/client.ts'
import { RestClientMetrics } from '../../kube/metrics.ts'
import { addCertificateMetrics } from '../../kubelet/node/certificate-metrics.ts'
import type { Registry } from '../../metrics/registry.ts'
import { packageVersion } from '../package-info.ts'
import type { Teardown } from '../process/teardown.ts'
import type { ApiOutages } from './api-outages.ts'
import { checkIdentity } from './check-identity.ts'
import { API_REQUESTS, type KubeletConfig } from './kubelet-config.ts'

/** A node's ways to its API server. */
export interface ApiClients {
  readonly client: KubeClient
  /** Another one: heartbeats wait in no line. */
  readonly leaseClient: KubeClient
  /** Who vouches for the API server, and for its clients; undefined: the system's authorities. */
  readonly authority?: ClusterAccess['authority']
}

/** A heartbeat that takes longer than its period is none. */
const HEARTBEAT_TIMEOUT_MS = 10_000

/**
 * Opens both; nothing is asked yet. Rejects with a KubeError `KUBECONFIG_INVALID`, and with a CommandError
 * `NODE_NAME_MISMATCH`.
 */
export async function openApiClients(
  { kubeconfig, nodeName }: Pick<KubeletConfig, 'kubeconfig' | 'nodeName'>,
  { registry, outages }: { readonly registry: Registry; readonly outages: ApiOutages },
  teardown: Teardown,
): Promise<ApiClients> {
  const access = await kubeconfigAccess({ file: kubeconfig })
  await checkIdentity(access.user.certificate, nodeName)
  addCertificateMetrics(registry, access.user.certificate)
  const metrics = outages.observing(new RestClientMetrics(registry))
  const common = { access, userAgent: `hawser-kubelet/${packageVersion()}`, metrics }
  const client = new KubeClient({ ...common, ...API_REQUESTS })
  teardown.add('the API client', async () => client.close())
  const leaseClient = new KubeClient({
    ...common,
    ...{ qps: 0, burst: 0, requestTimeoutMs: HEARTBEAT_TIMEOUT_MS },
  })
  teardown.add("the heartbeat's API client", async () => leaseClient.close())
  return { client, leaseClient, authority: access.authority }
}
