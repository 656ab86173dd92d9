import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { isEverywhere } from '../../config/node-port-addresses.ts'
import { isNodeEligible, proxyHealth } from '../../dataplane/health.ts'
import { HealthMetrics } from '../../dataplane/health-metrics.ts'
import type { ProxyMode } from '../../dataplane/proxy-modes.ts'
import { EventRecorder } from '../../kube/events.ts'
import { createRegistry, type Registry } from '../../metrics/registry.ts'
import type { Change } from '../../model/change.ts'
import type { Problem } from '../../model/problem.ts'
import type { OwnNode } from '../../sources/api/own-node.ts'
import type { SourceUpdate } from '../../sources/source-update.ts'
import { type Cidr, type IpAddress, parseAddress } from '../../util/address.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { CommandError } from '../command-error.ts'
import { CONTROL_SOCKET, serveControl } from '../control/serve-control.ts'
import { packageVersion } from '../package-info.ts'
import { complain } from '../process/complain.ts'
import { openLog } from '../process/log.ts'
import type { Teardown } from '../process/teardown.ts'
import { ClusterEvents } from './cluster-events.ts'
import { dataplaneOptions } from './dataplane-options.ts'
import { HealthChecks } from './health-checks.ts'
import { applyHostSettings } from './host-settings.ts'
import { NodeInUse } from './node-in-use.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { ProxyServers } from './proxy-servers.ts'
import { openSource, type ProxySource, sourcePlace } from './proxy-source.ts'
import { SourceProblems } from './source-problems.ts'
import { SwitchableProxy } from './switchable-proxy.ts'

/** How often the addresses of this machine are looked at: the kernel tells of changes, but nobody listens here. */
const ADDRESSES_MS = 30_000

/** What every part writes to. */
interface Writers {
  readonly log: Logger
  readonly registry: Registry
}

/** Everything that `hawser proxy` is made of, wired together. What ends it is in the teardown that it starts with. */
export class ProxyProcess {
  #config: ProxyConfig
  readonly #writers: Writers
  readonly #proxy: SwitchableProxy
  readonly #problems = new SourceProblems()
  readonly #node: NodeInUse
  readonly #checks: HealthChecks
  readonly #servers: ProxyServers
  #events: ClusterEvents | undefined
  #source: ProxySource | undefined
  /** The mode that was said to be in force. */
  #served: ProxyMode | undefined
  /** What the API server says of them; ranges that the command line names win. */
  #serviceCidrs: readonly Cidr[] = []

  private constructor(config: ProxyConfig, writers: Writers, proxy: SwitchableProxy) {
    const { nodeName, source } = config
    const { log, registry } = writers
    this.#config = config
    this.#writers = writers
    this.#proxy = proxy
    this.#node = new NodeInUse({
      name: nodeName,
      needsPodCidrs: () => this.#config.detectLocal === 'NodeCIDR',
    })
    this.#checks = new HealthChecks({
      nodeName,
      isHealthy: () => proxyHealth(proxy.families(), Date.now()).healthy,
      objects: () => this.#objects(),
      onFailure: (failure) => this.#events?.healthCheckFailed(failure),
      log,
    })
    const served = {
      registry,
      proxy,
      healthMetrics: new HealthMetrics(registry),
      mode: () => proxy.mode,
      configuration: () => this.#config.configuration,
      // A folder has no Node that could say otherwise.
      isNodeEligible: () => source.kind === 'folder' || isNodeEligible(this.#node.now),
    }
    this.#servers = new ProxyServers(served, log)
  }

  /** Starts everything, in the order in which the parts need each other. */
  static async start(config: ProxyConfig, teardown: Teardown): Promise<ProxyProcess> {
    const log = openLog(config.verbose, undefined)
    const registry = createRegistry(packageVersion())
    let running: ProxyProcess | undefined
    const proxy = await SwitchableProxy.open({
      dataplane: { ...(await dataplaneOptions(config, undefined, [])), registry, log },
      objects: () => (running === undefined ? [] : running.#objects()),
      onServing: (mode) => {
        if (running !== undefined) running.#serving(mode)
      },
    })
    teardown.add('the proxy', () => proxy.close())
    running = new ProxyProcess(config, { log, registry }, proxy)
    await running.#begin(teardown)
    return running
  }

  /**
   * Goes over to another configuration; connections notice nothing. Rejects when it cannot be used, and then all stays
   * as it was.
   */
  async reload(next: ProxyConfig): Promise<void> {
    const before = this.#config
    if (!isDeepStrictEqual(fixed(before), fixed(next)))
      throw new CommandError(
        'RESTART_NEEDED',
        'clientConnection and hostnameOverride cannot change while the proxy runs',
        { remedy: 'restart it: no connection notices' },
      )
    await this.#proxy.configure(() => dataplaneOptions(next, this.#node.inUse, this.#serviceCidrs))
    this.#config = next
    this.#problems.takeNode(this.#nodeProblems())
    this.#problems.takeHost(await applyHostSettings(next, this.#writers.log))
    // By now the configuration is in force: an address that cannot be had takes nothing of it back.
    await this.#servers.serveAt(next).catch((error: unknown) => complain(errorMessage(error)))
    await this.#checks.listenAt(this.#checkAddresses())
  }

  async #begin(teardown: Teardown): Promise<void> {
    const config = this.#config
    const { log, registry } = this.#writers
    const { stateDir, nodeName } = config
    this.#problems.takeHost(await applyHostSettings(config, log))
    const control = await serveControl(join(stateDir, CONTROL_SOCKET), this.#proxy, () => [
      ...(this.#source?.problems() ?? []),
      ...this.#problems.current,
      ...this.#checks.problems(),
    ])
    teardown.add('the control socket', () => control.close())
    teardown.add('the HTTP servers', () => this.#servers.close())
    await this.#servers.serveAt(config)
    teardown.add('health checks of Services', () => this.#checks.close())
    await this.#checks.listenAt(this.#checkAddresses())
    const place = await sourcePlace(config, registry)
    if (place.kind === 'api') {
      const { client } = place
      teardown.add('connections to the API server', async () => client.close())
      const recorder = new EventRecorder({ client, component: 'kube-proxy', host: nodeName, log })
      this.#events = new ClusterEvents({ recorder, nodeName, problems: () => this.#proxy.problems() })
      teardown.add('the recorder of Events', () => recorder.close())
      teardown.add('the look for Events', async () => this.#events?.close())
    }
    const source = await openSource(place, config, this, log)
    this.#source = source
    teardown.add('the source of Services', () => source.close())
    const refresh = setInterval(() => void this.#adapt('addresses of this machine'), ADDRESSES_MS)
    teardown.add('the look at addresses', async () => clearInterval(refresh))
  }

  readonly onUpdate = (update: SourceUpdate): void => {
    this.#proxy.apply(update.changes)
    this.#checks.apply(update.changes)
    this.#problems.take(update)
  }

  readonly onNode = (node: OwnNode | undefined): void => {
    const before = this.#node.inUse
    this.#node.take(node)
    this.#problems.takeNode(this.#nodeProblems())
    if (!isDeepStrictEqual(before, this.#node.inUse)) void this.#adapt('the Node')
  }

  readonly onServiceCidrs = (cidrs: readonly Cidr[]): void => {
    const before = this.#serviceCidrs
    this.#serviceCidrs = cidrs
    if (!isDeepStrictEqual(before, cidrs)) void this.#adapt('the ranges of cluster IPs')
  }

  /** Takes in what the configuration leaves to the surroundings; nothing happens where it is as before. */
  async #adapt(changed: string): Promise<void> {
    try {
      await this.#proxy.configure(() => dataplaneOptions(this.#config, this.#node.inUse, this.#serviceCidrs))
      await this.#checks.listenAt(this.#checkAddresses())
    } catch (error) {
      complain(`cannot go over to ${changed} as it is now: ${errorMessage(error)}`)
    }
  }

  #serving(mode: ProxyMode): void {
    if (mode === this.#served) return
    this.#served = mode
    const { source } = this.#config
    const from = source.kind === 'folder' ? source.folder : 'the API server'
    process.stdout.write(`Serving ${from} in mode ${mode}\n`)
    this.#events?.started(mode)
  }

  #objects(): readonly Change[] {
    return this.#source?.objects() ?? []
  }

  #nodeProblems(): readonly Problem[] {
    return this.#config.source.kind === 'api' ? this.#node.problems() : []
  }

  /** Where every address of the machine takes node ports, loopback may ask as well (kube-proxy listens alike). */
  #checkAddresses(): readonly IpAddress[] {
    return isEverywhere(this.#config.nodePortAddresses) ? EVERYWHERE : this.#proxy.nodeAddresses
  }
}

const EVERYWHERE = ['0.0.0.0', '::'].flatMap((text) => parseAddress(text) ?? [])

/** What a source and its client were made with. */
const fixed = ({ source, nodeName, stateDir }: ProxyConfig): object => ({ source, nodeName, stateDir })
