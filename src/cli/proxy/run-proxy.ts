import { removeModes } from '../../dataplane/leftovers.ts'
import type { ProxyMode } from '../../dataplane/proxy-modes.ts'
import { createRegistry } from '../../metrics/registry.ts'
import { exitCodes } from '../command-error.ts'
import { packageVersion } from '../package-info.ts'
import { complain } from '../process/complain.ts'
import { expected } from '../process/expected.ts'
import { Interruption } from '../process/interruption.ts'
import { openLog } from '../process/log.ts'
import { lockState } from '../process/state-lock.ts'
import { Teardown } from '../process/teardown.ts'
import type { ConfigurationFile } from './configuration/configuration-file.ts'
import { dataplaneOptions } from './dataplane-options.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { ProxyProcess } from './proxy-process.ts'
import { Rereading } from './rereading.ts'

/**
 * Runs until a signal comes, and leaves the rules in force. A configuration file is read again at SIGHUP and when it is
 * replaced. Resolves to the exit status.
 */
export async function runProxy(config: ProxyConfig, file: ConfigurationFile | undefined): Promise<number> {
  const lock = await lockState(config.stateDir)
  const teardown = new Teardown()
  const interruption = new Interruption({
    onInsist: () => process.exit(130),
    onCrash: (error) => complain(`an error that nobody waited for: ${error.stack ?? error.message}`),
    ...(file === undefined ? {} : { onHangup: () => rereading?.now() }),
  })
  let rereading: Rereading | undefined
  try {
    const running = await expected(() => ProxyProcess.start(config, teardown))
    if (file !== undefined) {
      rereading = new Rereading(file, running)
      teardown.add('the watch on the configuration', () => rereading?.close() ?? Promise.resolve())
    }
    const reason = await interruption.requested
    return reason.kind === 'signal' ? exitCodes.ok : exitCodes.failure
  } finally {
    for (const { what, reason } of await teardown.run(() => undefined))
      complain(`${what} could not be ended: ${reason}`)
    interruption.dispose()
    await lock.release()
  }
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
