import { ServiceProxy } from '../../src/dataplane/proxy.ts'
import type { Registry } from '../../src/metrics/registry.ts'
import type { Change } from '../../src/model/change.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { ownNode, podRange, SyntheticCluster, serviceRange } from '../model.ts'
import type { LoadSizes } from './load.ts'

/** What the processes that load a service proxy are told. */
export interface DriveInput extends LoadSizes {
  readonly netns: string
}

/** Takes part in a load from outside; each method is awaited. */
export interface Driver {
  /** Applies the whole model and waits for it to be in force by calling `commit`. */
  cold(commit: () => Promise<void>): Promise<void>
  /** Applies one change of one endpoint likewise; `counted` is false for those that only warm up. */
  change(commit: () => Promise<void>, counted: boolean): Promise<void>
}

/**
 * Loads a synthetic cluster into a service proxy in `netns` the way a source does, then changes single endpoints one
 * at a time. The same sizes give the same transactions in every process.
 */
export async function drive(input: DriveInput, registry: Registry, driver: Driver): Promise<void> {
  const proxy = await ServiceProxy.open({
    families: ['IPv4'],
    serviceCidrs: [serviceRange],
    podCidrs: [podRange],
    nodeAddresses: [],
    nodeName: ownNode,
    masqueradePodEgress: false,
    auditIntervalMs: 60_000,
    netns: input.netns,
    registry,
    log: silentLogger,
  })
  const commit = async (changes: readonly Change[]): Promise<void> => {
    proxy.apply(changes)
    await proxy.synced()
  }
  const cluster = new SyntheticCluster(input.services, input.endpoints)
  await loadEverything(cluster, driver, commit)
  let step = 0
  for (const change of cluster.endpointChanges(input.warmUp + input.changes))
    await driver.change(() => commit([change]), step++ >= input.warmUp)
  await proxy.close()
}

/** A function of its own so that the list of everything is garbage afterwards, as a source's first list is. */
async function loadEverything(
  cluster: SyntheticCluster,
  driver: Driver,
  commit: (changes: readonly Change[]) => Promise<void>,
): Promise<void> {
  const everything = cluster.everything()
  await driver.cold(() => commit(everything))
}
