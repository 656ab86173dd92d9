import { createRegistry } from '../../metrics/registry.ts'
import { openApiClients } from '../kubelet/api-clients.ts'
import { ApiOutages } from '../kubelet/api-outages.ts'
import { type ClusterKubelet, startClusterKubelet } from '../kubelet/cluster-kubelet.ts'
import { effectiveConfiguration } from '../kubelet/effective-configuration.ts'
import { serveHealth } from '../kubelet/health-server.ts'
import { nodeIdentity } from '../kubelet/node-identity.ts'
import { packageVersion } from '../package-info.ts'
import { runDaemon } from '../process/daemon.ts'
import { openLog } from '../process/log.ts'
import type { Teardown } from '../process/teardown.ts'
import { Rereading } from '../proxy/rereading.ts'
import { RunningProxy } from '../proxy/running-proxy.ts'
import type { NodeConfig } from './node-config.ts'
import { NodeDataplane } from './node-dataplane.ts'

/** What the role of nodes lacks for a service proxy. */
const NODE_RIGHTS = 'deploy/node/rbac.yaml'

/**
 * Runs kubelet and service proxy until a signal comes, and leaves pods and rules as they are. The proxy's configuration
 * file is read again at SIGHUP and when it is replaced. Resolves to the exit status.
 */
export function runNode(config: NodeConfig): Promise<number> {
  const { kubelet, proxyFile } = config
  const rereading = proxyFile === undefined ? undefined : new Rereading(proxyFile)
  return runDaemon({
    stateDir: kubelet.stateDir,
    stateFlag: '--root-dir',
    start: (teardown, signal) => start(config, rereading, teardown, signal),
    ...(rereading === undefined ? {} : { onHangup: () => rereading.now() }),
  })
}

async function start(
  config: NodeConfig,
  rereading: Rereading | undefined,
  teardown: Teardown,
  signal: AbortSignal,
): Promise<void> {
  const { kubelet } = config
  const registry = createRegistry(packageVersion())
  const outages = new ApiOutages(openLog(kubelet.verbose, undefined))
  const writers = { log: outages.log, registry }
  const clients = await openApiClients(kubelet, { registry, outages }, teardown)
  await serveHealth(kubelet.health, writers, teardown)
  let running: ClusterKubelet | undefined
  const dataplane = await NodeDataplane.open({
    open: async () => {
      const proxy = await RunningProxy.open(config.proxy, writers, teardown)
      rereading?.begin(proxy, teardown)
      return proxy
    },
    follow: (proxy, node) =>
      proxy.follow({ kind: 'api', client: clients.client, rights: NODE_RIGHTS, node }, teardown),
    onChange: () => running?.reasonsChanged(),
    signal,
  })
  teardown.add('the wait for the dataplane', () => dataplane.close())
  running = await startClusterKubelet(
    {
      ...{ ...kubelet, ...clients, ...writers, signal },
      identity: await nodeIdentity(kubelet),
      services: dataplane,
      reasons: [() => dataplane.reason()],
      onRegistered: (node) => dataplane.nodeRegistered(node),
      configuration: () => effectiveConfiguration(kubelet),
    },
    teardown,
  )
  process.stdout.write(`Node ${kubelet.nodeName} runs what is bound to it\n`)
}
