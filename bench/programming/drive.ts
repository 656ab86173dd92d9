import type { Registry } from '../../src/metrics/registry.ts'
import type { Change } from '../../src/model/change.ts'
import { SyntheticCluster } from '../model.ts'
import { openProxy } from '../proxy.ts'
import { BATCH_CHANGES, BATCH_WARM_UP, type LoadSizes } from './load.ts'
import { batches, type StepKind, singleSteps } from './steps.ts'

/** What the processes that load a service proxy are told. */
export interface DriveInput extends LoadSizes {
  readonly netns: string
}

/** Services whose endpoints change once more when all is timed. */
const OBSERVED = 5

/** Takes part in a load from outside; each method is awaited. */
export interface Driver {
  /** Applies the whole model and waits for it to be in force by calling `commit`. */
  cold(commit: () => Promise<void>): Promise<void>
  /** Applies one change likewise; `kind` is undefined for those that are not counted. */
  change(commit: () => Promise<void>, kind: StepKind | undefined): Promise<void>
  /** All single changes are done. */
  settled?(): Promise<void>
  /** Applies many together likewise. */
  batch(commit: () => Promise<void>, counted: boolean): Promise<void>
  /** Applies one change of one endpoint likewise, behind all that is timed. */
  observe?(commit: () => Promise<void>): Promise<void>
}

/**
 * Loads a synthetic cluster into a service proxy in `netns` the way a source does, then changes single things one at a
 * time, then many endpoints at a time. The same sizes give the same transactions in every process.
 */
export async function drive(input: DriveInput, registry: Registry, driver: Driver): Promise<void> {
  const { backend: mode, netns } = input
  const proxy = await openProxy({ mode, netns, registry, auditIntervalMs: 60_000 })
  const commit = async (changes: readonly Change[]): Promise<void> => {
    proxy.apply(changes)
    await proxy.synced()
  }
  const cluster = new SyntheticCluster(input.services, input.endpoints)
  await loadEverything(cluster, driver, commit)
  let counted = -input.warmUp
  for (const { kind, changes } of singleSteps(cluster)) {
    if (counted >= input.changes) break
    await driver.change(() => commit(changes), counted < 0 ? undefined : kind)
    if (kind !== undefined) counted++
  }
  await driver.settled?.()
  let batch = -BATCH_WARM_UP
  for (const changes of batches(cluster, BATCH_CHANGES)) {
    if (batch >= input.batches) break
    await driver.batch(() => commit(changes), batch++ >= 0)
  }
  for (const index of Array(OBSERVED).keys()) {
    await driver.observe?.(() => commit([cluster.addEndpoint(index % input.services)]))
    await driver.observe?.(() => commit([cluster.replaceEndpoint(index % input.services)]))
    await driver.observe?.(() => commit([cluster.removeEndpoint(index % input.services, index + 1)]))
  }
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
