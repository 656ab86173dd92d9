import { join } from 'node:path'
import { ServiceProxy } from '../../dataplane/proxy.ts'
import { Kubelet, type PodNews } from '../../kubelet/kubelet.ts'
import type { Registry } from '../../metrics/registry.ts'
import type { Change } from '../../model/change.ts'
import type { Problem } from '../../model/problem.ts'
import { FileSource } from '../../sources/files/file-source.ts'
import { PodEndpoints } from '../../sources/pod-endpoints.ts'
import type { SourceUpdate } from '../../sources/source-update.ts'
import { familyOf, formatCidr, type IpAddress } from '../../util/address.ts'
import { CONTROL_SOCKET, serveControl } from '../control/serve-control.ts'
import type { Exec } from './check/pod-client.ts'
import { type NodeFacts, NodeRecord } from './node-facts.ts'
import { hasRouteTo } from './preflight.ts'
import { prepareRuntime, type Surroundings } from './runtime.ts'
import type { UpConfig } from './up-config.ts'

interface Parts {
  readonly proxy: ServiceProxy
  readonly kubelet: Kubelet
  readonly nodeAddresses: readonly IpAddress[]
  readonly ownProblems: readonly Problem[]
}

/** `hawser proxy --audit-interval`'s default. */
const AUDIT_INTERVAL_MS = 60_000

/**
 * A node without a control plane: a folder as the source, a kubelet, a service proxy, and the endpoints controller
 * between them. What it makes on the machine is in the teardown that it was started with.
 */
export class StandaloneNode {
  /** Runs a command in a container of a pod. */
  readonly exec: Exec
  readonly #parts: Parts
  readonly #endpoints: PodEndpoints
  readonly #record = new NodeRecord()
  readonly #onChange: () => void
  #sourceProblems: readonly Problem[] = []

  private constructor(config: UpConfig, parts: Parts, onChange: () => void) {
    this.#parts = parts
    this.#endpoints = new PodEndpoints(config.nodeName)
    this.#onChange = onChange
    this.exec = (...command) => parts.kubelet.execSync(...command)
    parts.kubelet.onStatus((news) => this.#hear(news))
  }

  /**
   * Starts everything, in the order in which the parts need each other. Resolves when the whole folder has been handed
   * over; `onChange` is called whenever `facts` has something new.
   */
  static async start(
    config: UpConfig,
    around: Surroundings & { readonly registry: Registry; readonly onChange: () => void },
  ): Promise<StandaloneNode> {
    const { teardown, say, log, signal, registry } = around
    const { nodeName, nodeAddresses } = config
    const families = [...new Set(config.serviceCidrs.map(({ family }) => family))]
    // Changes nothing yet, and is the quickest to say that this kernel will not do.
    const proxy = await ServiceProxy.open({
      families,
      serviceCidrs: config.serviceCidrs,
      podCidrs: [config.podCidr],
      nodeAddresses: nodeAddresses.filter((address) => families.includes(familyOf(address))),
      nodeName,
      // The runtime that was named has a network of its own; nobody else looks after the private one.
      masqueradePodEgress: config.runtimeEndpoint === undefined,
      auditIntervalMs: AUDIT_INTERVAL_MS,
      tracksConnections: true,
      registry,
      log,
    })
    teardown.add('the Service rules', async () => {
      await proxy.cleanup()
      await proxy.close()
    })
    signal.throwIfAborted()
    const endpoint = await prepareRuntime(config, around)
    signal.throwIfAborted()
    const kubelet = await Kubelet.open({
      endpoint,
      stateDir: join(config.stateDir, 'pods'),
      nodeName,
      nodeAddresses,
      registry,
      log,
    })
    teardown.add(
      'the pods',
      async () => {
        await kubelet.removeAll()
        await kubelet.close()
      },
      180_000,
    )
    signal.throwIfAborted()
    const ownProblems = await lookAround(config)
    const node = new StandaloneNode(config, { proxy, kubelet, nodeAddresses, ownProblems }, around.onChange)
    const control = await serveControl(join(config.stateDir, CONTROL_SOCKET), proxy, () =>
      node.#problemsOutside(),
    )
    teardown.add('the control socket', () => control.close())
    say(`Watching ${config.folder}`)
    const source = await FileSource.open({
      folder: config.folder,
      nodeName,
      ranges: { clusterIPs: config.serviceCidrs, nodePorts: config.nodePorts },
      stateDir: config.stateDir,
      log,
      onUpdate: (update) => node.#take(update),
    })
    // First to go: a folder that changes meanwhile must not bring anything back.
    teardown.add('the watch on the folder', async () => source.close())
    kubelet.ready()
    return node
  }

  facts(): NodeFacts {
    const { services, slices, pods, statuses } = this.#record
    const proxy = this.#parts.proxy.status()
    return {
      services,
      slices,
      pods,
      statuses,
      nodeAddresses: this.#parts.nodeAddresses,
      problems: [...this.#problemsOutside(), ...proxy.problems],
      proxy,
    }
  }

  /** All but the proxy's. */
  #problemsOutside(): readonly Problem[] {
    return [...this.#parts.ownProblems, ...this.#sourceProblems]
  }

  /** Settles when the kernel has everything that was handed over so far; rejects with why it has not. */
  synced(): Promise<void> {
    return this.#parts.proxy.synced()
  }

  /**
   * What the source says goes to every part within one turn of the event loop. The kubelet answers at once for pods
   * that already run, so that after a restart the first thing that the proxy hears is complete, endpoints included.
   */
  #take({ changes, problems }: SourceUpdate): void {
    this.#sourceProblems = problems
    this.#record.apply(changes)
    this.#program([...changes, ...this.#endpoints.apply(changes)])
    this.#parts.kubelet.apply(changes)
    this.#onChange()
  }

  #hear(news: PodNews): void {
    this.#record.hear(news)
    const slices =
      'removed' in news
        ? this.#endpoints.setStatus(news.removed, news.uid, undefined)
        : this.#endpoints.setStatus(news.name, news.uid, news)
    if (slices.length > 0) this.#program(slices)
    this.#onChange()
  }

  #program(changes: readonly Change[]): void {
    this.#record.apply(changes)
    this.#parts.proxy.apply(changes)
    // A failure is in the proxy's status, which is looked at then; the proxy itself goes on trying.
    this.#parts.proxy.synced().then(this.#onChange, this.#onChange)
  }
}

/** What is not as it should be on this machine, though a node can do without. */
async function lookAround(config: UpConfig): Promise<readonly Problem[]> {
  const problems: Problem[] = []
  if (config.nodeAddresses.length === 0)
    problems.push({
      place: 'node',
      reason: 'no address of this machine was found, so that node ports answer nowhere',
      remedy: 'name one with --node-ip',
      severity: 'warning',
    })
  for (const range of config.serviceCidrs) {
    if (await hasRouteTo(range)) continue
    problems.push({
      place: 'node',
      reason: `this machine has no route to ${formatCidr(range)}: its own processes cannot reach cluster IPs`,
      remedy: `add a default route, or: ip route add ${formatCidr(range)} dev lo`,
      severity: 'warning',
    })
  }
  return problems
}
