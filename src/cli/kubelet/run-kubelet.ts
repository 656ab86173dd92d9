import { createRegistry } from '../../metrics/registry.ts'
import { packageVersion } from '../package-info.ts'
import { runDaemon } from '../process/daemon.ts'
import { openLog } from '../process/log.ts'
import type { Teardown } from '../process/teardown.ts'
import { openApiClients } from './api-clients.ts'
import { ApiOutages } from './api-outages.ts'
import { startClusterKubelet } from './cluster-kubelet.ts'
import { effectiveConfiguration } from './effective-configuration.ts'
import { serveHealth } from './health-server.ts'
import type { KubeletConfig } from './kubelet-config.ts'
import { nodeIdentity } from './node-identity.ts'

/** Runs until a signal comes, and leaves the pods running. Resolves to the exit status. */
export const runKubelet = (config: KubeletConfig): Promise<number> =>
  runDaemon({
    stateDir: config.stateDir,
    stateFlag: '--root-dir',
    start: (teardown, signal) => start(config, teardown, signal),
  })

async function start(config: KubeletConfig, teardown: Teardown, signal: AbortSignal): Promise<void> {
  const registry = createRegistry(packageVersion())
  const outages = new ApiOutages(openLog(config.verbose, undefined))
  const writers = { log: outages.log, registry }
  const clients = await openApiClients(config, { registry, outages }, teardown)
  await serveHealth(config.health, writers, teardown)
  const identity = await nodeIdentity(config)
  const configuration = () => effectiveConfiguration(config)
  await startClusterKubelet({ ...config, ...clients, ...writers, identity, configuration, signal }, teardown)
  process.stdout.write(`Node ${config.nodeName} runs what is bound to it\n`)
}
