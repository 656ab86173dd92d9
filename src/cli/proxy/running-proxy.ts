import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { isEverywhere } from '../../config/node-port-addresses.ts'
import { isNodeEligible, proxyHealth } from '../../dataplane/health.ts'
import { HealthMetrics } from '../../dataplane/health-metrics.ts'
import type { ProxyMode } from '../../dataplane/proxy-modes.ts'
import type { FamilyStatus } from '../../dataplane/status.ts'
import type { KubeClient } from '../../kube/client.ts'
import { EventRecorder } from '../../kube/events.ts'
import type { Registry } from '../../metrics/registry.ts'
import type { Change } from '../../model/change.ts'
import type { Problem } from '../../model/problem.ts'
import type { OwnNode } from '../../sources/api/own-node.ts'
import type { ServiceFeed, ServiceFollower } from '../../sources/service-feed.ts'
import type { SourceUpdate } from '../../sources/source-update.ts'
import { type Cidr, type IpAddress, parseAddress } from '../../util/address.ts'
import { errorMessage } from '../../util/error-message.ts'
import type { Logger } from '../../util/logger.ts'
import { CommandError } from '../command-error.ts'
import { CONTROL_SOCKET, serveControl } from '../control/serve-control.ts'
import { complain } from '../process/complain.ts'
import type { Teardown } from '../process/teardown.ts'
import { ClusterEvents } from './cluster-events.ts'
import { dataplaneOptions } from './dataplane-options.ts'
import { HealthChecks } from './health-checks.ts'
import { applyHostSettings } from './host-settings.ts'
import { NodeInUse } from './node-in-use.ts'
import type { ProxyConfig } from './proxy-config.ts'
import { ProxyServers } from './proxy-servers.ts'
import { openSource, type ProxySource, type SourcePlace } from './proxy-source.ts'
import { SourceProblems } from './source-problems.ts'
import { SwitchableProxy } from './switchable-proxy.ts'

/** How often the addresses of this machine are looked at: the kernel tells of changes, but nobody listens here. */
const ADDRESSES_MS = 30_000

/** What every part of the process writes to. */
export interface Writers {
  readonly log: Logger
  readonly registry: Registry
}

/**
 * A service proxy and all that stands around it: servers, health checks, the control socket, Events. It serves what a
 * source says from `follow` on. What ends it is in the teardown that it starts with.
 */
export class RunningProxy implements ServiceFeed {
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
  readonly #followers: ServiceFollower[] = []
  readonly #onServing: (() => void)[] = []
  #heard = false

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

  /** Makes every part; nothing in the kernel changes before a source has spoken. */
  static async open(config: ProxyConfig, writers: Writers, teardown: Teardown): Promise<RunningProxy> {
    let running: RunningProxy | undefined
    const proxy = await SwitchableProxy.open({
      dataplane: { ...(await dataplaneOptions(config, undefined, [])), ...writers },
      objects: () => (running === undefined ? [] : running.#objects()),
      onServing: (mode) => {
        if (running !== undefined) running.#serving(mode)
      },
    })
    teardown.add('the proxy', () => proxy.close())
    running = new RunningProxy(config, writers, proxy)
    await running.#serve(teardown)
    return running
  }

  /** Serves what this place says, from now on. */
  async follow(place: SourcePlace, teardown: Teardown): Promise<void> {
    const config = this.#config
    const { log } = this.#writers
    if (place.kind === 'api') this.#reportEvents(place.client, teardown)
    const source = await openSource(place, config, this, log)
    this.#source = source
    teardown.add('the source of Services', () => source.close())
    const refresh = setInterval(() => void this.#adapt('addresses of this machine'), ADDRESSES_MS)
    teardown.add('the look at addresses', async () => clearInterval(refresh))
  }

  /** All that the source said first is in force. */
  get isServing(): boolean {
    return this.#served !== undefined
  }

  /** Calls back once everything is in force for the first time. */
  whenServing(callback: () => void): void {
    if (this.isServing) callback()
    else this.#onServing.push(callback)
  }

  families(): readonly FamilyStatus[] {
    return this.#proxy.families()
  }

  /** Why what the source says may be behind. */
  sourceProblems(): readonly Problem[] {
    return this.#source?.problems() ?? []
  }

  followServices(follower: ServiceFollower): void {
    this.#followers.push(follower)
    if (this.#heard) follower(this.#objects())
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

  async #serve(teardown: Teardown): Promise<void> {
    const config = this.#config
    this.#problems.takeHost(await applyHostSettings(config, this.#writers.log))
    const control = await serveControl(join(config.stateDir, CONTROL_SOCKET), this.#proxy, () => [
      ...this.sourceProblems(),
      ...this.#problems.current,
      ...this.#checks.problems(),
    ])
    teardown.add('the control socket', () => control.close())
    teardown.add('the HTTP servers', () => this.#servers.close())
    await this.#servers.serveAt(config)
    teardown.add('health checks of Services', () => this.#checks.close())
    await this.#checks.listenAt(this.#checkAddresses())
  }

  #reportEvents(client: KubeClient, teardown: Teardown): void {
    const { nodeName } = this.#config
    const { log } = this.#writers
    const recorder = new EventRecorder({ client, component: 'kube-proxy', host: nodeName, log })
    const events = new ClusterEvents({ recorder, nodeName, problems: () => this.#proxy.problems() })
    this.#events = events
    teardown.add('the recorder of Events', () => recorder.close())
    teardown.add('the look for Events', async () => events.close())
  }

  readonly onUpdate = (update: SourceUpdate): void => {
    this.#proxy.apply(update.changes)
    this.#checks.apply(update.changes)
    this.#problems.take(update)
    this.#heard = true
    for (const follow of this.#followers) follow(update.changes)
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
    for (const callback of this.#onServing.splice(0)) callback()
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
