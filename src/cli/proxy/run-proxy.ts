import { removeModes } from '../../dataplane/leftovers.ts'
import type { ProxyMode } from '../../dataplane/proxy-modes.ts'
import { createRegistry } from '../../metrics/registry.ts'
import { exitCodes } from '../command-error.ts'
import { packageVersion } from '../package-info.ts'
import { runDaemon } from '../process/daemon.ts'
import { expected } from '../process/expected.ts'
import { openLog } from '../process/log.ts'
import type { ConfigurationFile } from './configuration/configuration-file.ts'
import { dataplaneOptions } from './dataplane-options.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { sourcePlace } from './proxy-source.ts'
import { Rereading } from './rereading.ts'
import { RunningProxy } from './running-proxy.ts'

/**
 * Runs until a signal comes, and leaves the rules in force. A configuration file is read again at SIGHUP and when it is
 * replaced. Resolves to the exit status.
 */
export async function runProxy(config: ProxyConfig, file: ConfigurationFile | undefined): Promise<number> {
  const rereading = file === undefined ? undefined : new Rereading(file)
  return runDaemon({
    stateDir: config.stateDir,
    stateFlag: '--state-dir',
    start: async (teardown) => {
      const writers = { log: openLog(config.verbose, undefined), registry: createRegistry(packageVersion()) }
      const running = await RunningProxy.open(config, writers, teardown)
      const place = await sourcePlace(config, writers.registry)
      if (place.kind === 'api')
        teardown.add('connections to the API server', async () => place.client.close())
      await running.follow(place, teardown)
      rereading?.begin(running, teardown)
    },
    ...(rereading === undefined ? {} : { onHangup: () => rereading.now() }),
  })
}

/** Removes everything of ours, of these modes and in every family. Resolves to the exit status. */
export async function cleanUp(config: ProxyConfig, modes: readonly ProxyMode[]): Promise<number> {
  const parts = { registry: createRegistry(packageVersion()), log: openLog(config.verbose, undefined) }
  await expected(async () =>
    removeModes(modes, { ...(await dataplaneOptions(config, undefined, [])), ...parts }),
  )
  process.stdout.write(`Removed the Service rules of ${modes.join(', ')}\n`)
  return exitCodes.ok
}
