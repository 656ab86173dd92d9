import { join } from 'node:path'
import { findNodePortAddresses } from '../../config/node-port-addresses.ts'
import { DataplaneError } from '../../dataplane/errors.ts'
import { removeModes } from '../../dataplane/leftovers.ts'
import { ServiceProxy, type ServiceProxyOptions } from '../../dataplane/proxy.ts'
import { PROXY_MODES } from '../../dataplane/proxy-modes.ts'
import { createRegistry } from '../../metrics/registry.ts'
import { formatProblem, type Problem } from '../../model/problem.ts'
import { FileSource, type SourceUpdate } from '../../sources/files/file-source.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { CommandError, exitCodes } from '../command-error.ts'
import { CONTROL_SOCKET, serveControl } from '../control/serve-control.ts'
import { packageVersion } from '../package-info.ts'
import { Interruption } from '../process/interruption.ts'
import { openLog } from '../process/log.ts'
import { lockState } from '../process/state-lock.ts'
import { Teardown } from '../process/teardown.ts'
import { serveHealth, serveMetrics } from './http.ts'
import type { ProxyConfig } from './proxy-config.ts'

/** Both, whatever the cluster IPs are of: rules left by a proxy of another family must go too. */
const FAMILIES = ['IPv4', 'IPv6'] as const

/** Given out to Services of type NodePort that name none; the API server's default. */
const NODE_PORTS = { first: 30_000, last: 32_767 }

/** Runs until a signal comes, and leaves the rules in force. Resolves to the exit status. */
export async function runProxy(config: ProxyConfig & { readonly folder: string }): Promise<number> {
  const lock = await lockState(config.stateDir)
  const teardown = new Teardown()
  const interruption = new Interruption({
    onInsist: () => process.exit(130),
    onCrash: (error) => complain(`an error that nobody waited for: ${error.stack ?? error.message}`),
  })
  try {
    await expected(() => start(config, teardown, interruption.signal))
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
  await expected(async () =>
    removeModes(PROXY_MODES, await optionsOf(config, openLog(config.verbose, undefined))),
  )
  process.stdout.write('The Service rules of every mode are removed\n')
  return exitCodes.ok
}

/** Starts everything, in the order in which the parts need each other; what ends it is in the teardown. */
async function start(
  config: ProxyConfig & { readonly folder: string },
  teardown: Teardown,
  signal: AbortSignal,
): Promise<void> {
  const log = openLog(config.verbose, undefined)
  const options = await optionsOf(config, log)
  const proxy = await ServiceProxy.open(options)
  teardown.add('the proxy', () => proxy.close())
  const problems = new SourceProblems()
  const control = await serveControl(join(config.stateDir, CONTROL_SOCKET), proxy, () => problems.current)
  teardown.add('the control socket', () => control.close())
  const { registry } = options
  const binding = { hardFail: false, log }
  // Without an API server there is no Node object that could say otherwise.
  const isNodeEligible = () => true
  for (const server of [
    await serveMetrics({ bind: config.metrics, registry, proxy, mode: config.mode, binding }),
    await serveHealth({ bind: config.health, registry, proxy, isNodeEligible, binding }),
  ])
    if (server !== undefined) teardown.add('an HTTP server', () => server.close())
  const source = await FileSource.open({
    folder: config.folder,
    nodeName: config.nodeName,
    ranges: { clusterIPs: config.serviceCidrs, nodePorts: NODE_PORTS },
    stateDir: config.stateDir,
    log,
    onUpdate: (update) => {
      proxy.apply(update.changes)
      problems.take(update)
      proxy.synced().catch(() => undefined)
    },
  })
  teardown.add('the watch on the folder', async () => source.close())
  void takeOver(proxy, config, signal, log)
}

/**
 * Says when everything is in force, and removes what other modes left behind only then: until that moment they serve.
 * A sync that fails is tried again by the proxy itself.
 */
async function takeOver(
  proxy: ServiceProxy,
  { mode, folder }: ProxyConfig & { readonly folder: string },
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  await proxy.synced().catch(async (error: unknown) => {
    complain(errorMessage(error))
    await inForce(proxy, signal)
  })
  if (signal.aborted) return
  try {
    await proxy.removeLeftovers()
  } catch (error) {
    log.error({ error: errorMessage(error) }, 'leftovers of other proxies could not be removed')
  }
  process.stdout.write(`Serving ${folder} in mode ${mode}\n`)
}

/** How often a proxy that could not sync at first is looked at. */
const LOOK_MS = 200

/** Resolves when every family has been synced once, or at the signal. */
async function inForce(proxy: ServiceProxy, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && proxy.status().families.some(({ lastSync }) => lastSync === undefined))
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
}

/** What is wrong with the folder; each problem is said once, when it comes up. */
class SourceProblems {
  #source: readonly Problem[] = []
  readonly #pods = new Set<string>()
  #said: ReadonlySet<string> = new Set()

  get current(): readonly Problem[] {
    return [...this.#source, ...[...this.#pods].map(ignoredPod)]
  }

  take({ changes, problems }: SourceUpdate): void {
    this.#source = problems
    for (const { kind, name, object } of changes) {
      if (kind !== 'Pod') continue
      if (object === undefined) this.#pods.delete(name)
      else this.#pods.add(name)
    }
    const lines = this.current.map((problem) => `${problem.severity}: ${formatProblem(problem)}`)
    for (const line of lines) if (!this.#said.has(line)) complain(line)
    this.#said = new Set(lines)
  }
}

const ignoredPod = (name: string): Problem => ({
  place: `Pod ${name}`,
  severity: 'warning',
  reason: 'hawser proxy runs no containers and makes no endpoints of pods',
  remedy: 'use hawser up, or write an EndpointSlice',
})

const optionsOf = async (config: ProxyConfig, log: Logger): Promise<ServiceProxyOptions> => ({
  mode: config.mode,
  families: FAMILIES,
  serviceCidrs: config.serviceCidrs,
  podCidrs: config.podCidrs,
  nodeAddresses: await findNodePortAddresses(config.nodePortAddresses, config.podCidrs),
  nodeName: config.nodeName,
  masqueradePodEgress: false,
  masqueradeAll: config.masqueradeAll,
  minSyncPeriodMs: config.minSyncPeriodMs,
  auditIntervalMs: config.auditIntervalMs,
  tracksConnections: true,
  registry: createRegistry(packageVersion()),
  log,
})

/** A kernel or a permission that is not there is no bug: it is said in one line. */
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

const complain = (text: string): void => {
  process.stderr.write(`hawser: ${text}\n`)
}
