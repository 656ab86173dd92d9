import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { DataplaneError } from '../../dataplane/errors.ts'
import { isNodeEligible } from '../../dataplane/health.ts'
import { removeModes } from '../../dataplane/leftovers.ts'
import { PROXY_MODES } from '../../dataplane/proxy-modes.ts'
import { createRegistry } from '../../metrics/registry.ts'
import { errorMessage } from '../../util/error-message.ts'
import { CommandError, exitCodes } from '../command-error.ts'
import { CONTROL_SOCKET, serveControl } from '../control/serve-control.ts'
import { packageVersion } from '../package-info.ts'
import { Interruption } from '../process/interruption.ts'
import { openLog } from '../process/log.ts'
import { lockState } from '../process/state-lock.ts'
import { Teardown } from '../process/teardown.ts'
import { complain } from './complain.ts'
import { dataplaneOptions } from './dataplane-options.ts'
import { serveHealth, serveMetrics } from './http.ts'
import { NodeInUse } from './node-in-use.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { openSource, type ProxySource } from './proxy-source.ts'
import { SourceProblems } from './source-problems.ts'
import { SwitchableProxy } from './switchable-proxy.ts'

/** Runs until a signal comes, and leaves the rules in force. Resolves to the exit status. */
export async function runProxy(config: ProxyConfig): Promise<number> {
  const lock = await lockState(config.stateDir)
  const teardown = new Teardown()
  const interruption = new Interruption({
    onInsist: () => process.exit(130),
    onCrash: (error) => complain(`an error that nobody waited for: ${error.stack ?? error.message}`),
  })
  try {
    await expected(() => start(config, teardown))
    const reason = await interruption.requested
    return reason.kind === 'signal' ? exitCodes.ok : exitCodes.failure
  } finally {
    for (const { what, reason } of await teardown.run(() => undefined))
      complain(`${what} could not be ended: ${reason}`)
    interruption.dispose()
    await lock.release()
  }
}

/** Removes everything of ours, in every mode and family. Resolves to the exit status. */
export async function cleanUp(config: ProxyConfig): Promise<number> {
  const parts = { registry: createRegistry(packageVersion()), log: openLog(config.verbose, undefined) }
  await expected(async () =>
    removeModes(PROXY_MODES, { ...(await dataplaneOptions(config, undefined)), ...parts }),
  )
  process.stdout.write('The Service rules of every mode are removed\n')
  return exitCodes.ok
}

/** Starts everything, in the order in which the parts need each other; what ends it is in the teardown. */
async function start(config: ProxyConfig, teardown: Teardown): Promise<void> {
  const log = openLog(config.verbose, undefined)
  const registry = createRegistry(packageVersion())
  const node = new NodeInUse(config.nodeName)
  let source: ProxySource | undefined
  const proxy = await SwitchableProxy.open({
    dataplane: { ...(await dataplaneOptions(config, undefined)), registry, log },
    objects: () => source?.objects() ?? [],
    onServing: (mode) => process.stdout.write(`Serving ${sourceName(config)} in mode ${mode}\n`),
  })
  teardown.add('the proxy', () => proxy.close())
  const problems = new SourceProblems()
  const control = await serveControl(join(config.stateDir, CONTROL_SOCKET), proxy, () => problems.current)
  teardown.add('the control socket', () => control.close())
  const binding = { hardFail: false, log }
  const isEligible = (): boolean => config.source.kind === 'folder' || isNodeEligible(node.now)
  for (const server of [
    await serveMetrics({ bind: config.metrics, registry, proxy, mode: () => proxy.mode, binding }),
    await serveHealth({ bind: config.health, registry, proxy, isNodeEligible: isEligible, binding }),
  ])
    if (server !== undefined) teardown.add('an HTTP server', () => server.close())
  source = await openSource(
    config,
    {
      onUpdate: (update) => {
        proxy.apply(update.changes)
        problems.take(update)
      },
      onNode: (known) => {
        const before = node.inUse
        node.take(known)
        problems.takeNode(node.problems())
        if (isDeepStrictEqual(before, node.inUse)) return
        proxy
          .configure(() => dataplaneOptions(config, node.inUse))
          .catch((error: unknown) => complain(`the Node has changed: ${errorMessage(error)}`))
      },
    },
    { registry, log },
  )
  teardown.add('the source of Services', () => source?.close() ?? Promise.resolve())
}

const sourceName = ({ source }: ProxyConfig): string =>
  source.kind === 'folder' ? source.folder : 'the API server'

/** A kernel, a permission or a file that is not there is no bug: it is said in one line. */
async function expected(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof DataplaneError) throw new CommandError(error.code, error.message, { cause: error })
    if (error instanceof Error && 'code' in error && !(error instanceof CommandError))
      throw new CommandError(String(error.code), error.message, { cause: error })
    throw error
  }
}
