import type { BindAddress } from '../../config/bind-address.ts'
import { detectNodeAddresses } from '../../config/node-addresses.ts'
import { kubeconfigAccess } from '../../kube/access/kubeconfig.ts'
import { KubeClient } from '../../kube/client.ts'
import { RestClientMetrics } from '../../kube/metrics.ts'
import { readMachine } from '../../kubelet/node/machine.ts'
import type { NodeIdentity } from '../../kubelet/node/node-object.ts'
import { CriClient } from '../../kubelet/runtime/cri-client.ts'
import { createRegistry, type Registry } from '../../metrics/registry.ts'
import { exitCodes } from '../command-error.ts'
import { type Route, serveAt, text } from '../http/serve.ts'
import { packageVersion } from '../package-info.ts'
import { complain } from '../process/complain.ts'
import { expected } from '../process/expected.ts'
import { Interruption } from '../process/interruption.ts'
import { openLog } from '../process/log.ts'
import { lockState } from '../process/state-lock.ts'
import { Teardown } from '../process/teardown.ts'
import { startClusterKubelet } from './cluster-kubelet.ts'
import type { KubeletConfig } from './kubelet-config.ts'

/** The kubelet's own defaults for what it asks of the API server. */
const REQUESTS = { qps: 50, burst: 100 }
/** A heartbeat that takes longer than its period is none. */
const HEARTBEAT_TIMEOUT_MS = 10_000

/** The version of the node's contract with its cluster: what is older or newer than that by too much is told by it. */
const KUBERNETES_VERSION = 'v1.36.0'

/** Runs until a signal comes, and leaves the pods running. Resolves to the exit status. */
export async function runKubelet(config: KubeletConfig): Promise<number> {
  const lock = await lockState(config.stateDir)
  const teardown = new Teardown()
  const interruption = new Interruption({
    onInsist: () => process.exit(130),
    onCrash: (error) => complain(`an error that nobody waited for: ${error.stack ?? error.message}`),
  })
  try {
    await expected(() => start(config, teardown))
    process.stdout.write(`Node ${config.nodeName} runs what is bound to it\n`)
    const reason = await interruption.requested
    return reason.kind === 'signal' ? exitCodes.ok : exitCodes.failure
  } finally {
    for (const { what, reason } of await teardown.run(() => undefined))
      complain(`${what} could not be ended: ${reason}`)
    interruption.dispose()
    await lock.release()
  }
}

async function start(config: KubeletConfig, teardown: Teardown): Promise<void> {
  const log = openLog(config.verbose, undefined)
  const registry = createRegistry(packageVersion())
  const access = await kubeconfigAccess({ file: config.kubeconfig })
  const metrics = new RestClientMetrics(registry)
  const common = { access, userAgent: `hawser-kubelet/${packageVersion()}`, metrics }
  const client = new KubeClient({ ...common, ...REQUESTS })
  teardown.add('the API client', async () => client.close())
  const heartbeats = { qps: 0, burst: 0, requestTimeoutMs: HEARTBEAT_TIMEOUT_MS }
  const leaseClient = new KubeClient({ ...common, ...heartbeats })
  teardown.add("the heartbeat's API client", async () => leaseClient.close())
  await serveHealth(config.health, registry, teardown)
  const identity = await identify(config)
  const { endpoint, stateDir } = config
  await startClusterKubelet({ client, leaseClient, identity, endpoint, stateDir, registry, log }, teardown)
}

async function identify({
  nodeName: name,
  nodeAddresses,
  labels,
  taints,
  maxPods,
  endpoint,
}: KubeletConfig): Promise<NodeIdentity> {
  const addresses = nodeAddresses.length > 0 ? nodeAddresses : await detectNodeAddresses([])
  return {
    ...{ name, addresses, labels, taints, maxPods },
    machine: await readMachine(),
    runtimeVersion: await runtimeVersion(endpoint),
    kubeletVersion: `${KUBERNETES_VERSION}+hawser.${packageVersion()}`,
  }
}

/** `containerd://1.6.20`. Rejects with a RuntimeError when nobody answers. */
async function runtimeVersion(endpoint: string): Promise<string> {
  const client = new CriClient(endpoint, () => undefined)
  try {
    const { runtimeName, runtimeVersion } = await client.version()
    return `${runtimeName}://${runtimeVersion}`
  } finally {
    client.close()
  }
}

async function serveHealth(
  at: BindAddress | undefined,
  registry: Registry,
  teardown: Teardown,
): Promise<void> {
  if (at === undefined) return
  const server = await serveAt(
    at,
    '--healthz-bind-address',
    new Map<string, Route>([
      ['/healthz', () => text('ok')],
      ['/metrics', async () => ({ status: 200, type: registry.contentType, body: await registry.metrics() })],
    ]),
  )
  teardown.add('the HTTP server', () => server.close())
}
