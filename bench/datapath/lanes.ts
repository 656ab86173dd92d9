import type { ProxyMode } from '../../src/dataplane/proxy-modes.ts'
import { endpointPort, firstClusterIp, firstPodIp, SyntheticCluster, servicePort } from '../model.ts'
import { asBenchError, openProxy } from '../proxy.ts'
import type { Teardown } from '../teardown.ts'
import { addFixedRule } from './fixed-rule.ts'
import { forgetSoon, makeTopology } from './topology.ts'
import { type Targets, Traffic } from './traffic.ts'

/** One way through a node of its own, with traffic of its own. */
export interface Lane {
  readonly name: string
  readonly traffic: Traffic
  readonly targets: Targets
}

export interface LaneOptions {
  /** The processor that all traffic stays on: lanes take turns. */
  readonly processor: number
  readonly endpoints: number
}

/** To pods at their own addresses: nothing is tracked or translated. As many pods as a cluster of so many Services. */
export async function directLane(services: number, options: LaneOptions, teardown: Teardown): Promise<Lane> {
  const traffic = await Traffic.start(await makeTopology(teardown), options.processor, teardown)
  const count = services * options.endpoints
  return { name: 'direct', traffic, targets: { first: firstPodIp, count, port: endpointPort } }
}

/** To one address that one rule translates. */
export async function ruleLane(options: LaneOptions, teardown: Teardown): Promise<Lane> {
  const topology = await makeTopology(teardown)
  await addFixedRule(topology.node.path)
  await forgetSoon(topology.node)
  const traffic = await Traffic.start(topology, options.processor, teardown)
  return { name: 'rule', traffic, targets: { first: firstClusterIp, count: 1, port: servicePort } }
}

/** To any of so many Services, each with a TCP and a UDP port. */
export async function serviceLane(
  backend: ProxyMode,
  services: number,
  options: LaneOptions,
  teardown: Teardown,
): Promise<Lane> {
  const topology = await makeTopology(teardown)
  await program(backend, services, options.endpoints, topology.node.path)
  await forgetSoon(topology.node)
  const traffic = await Traffic.start(topology, options.processor, teardown)
  return {
    name: String(services),
    traffic,
    targets: { first: firstClusterIp, count: services, port: servicePort },
  }
}

/** The rules stay when the proxy has closed; nothing but traffic runs while it is measured. */
async function program(mode: ProxyMode, services: number, endpoints: number, netns: string): Promise<void> {
  const proxy = await openProxy({ mode, netns })
  proxy.apply(new SyntheticCluster(services, endpoints, ['TCP', 'UDP']).everything())
  await asBenchError(proxy.synced()).finally(() => proxy.close())
}
