import type { Change } from '../../src/model/change.ts'
import type { SyntheticCluster } from '../model.ts'

/** What one change is about, as figures name it. */
export const STEP_KINDS = ['replace', 'add', 'remove', 'service'] as const
export type StepKind = (typeof STEP_KINDS)[number]

export interface Step {
  /** Undefined: makes room for the next, and is not counted. */
  readonly kind: StepKind | undefined
  readonly changes: readonly Change[]
}

/**
 * Changes of one thing each, for ever: a Service has an endpoint replaced, gets one and loses one, a Service is added
 * and goes again; then it is the turn of a Service far away, so that nothing is warm merely because its neighbour was
 * touched. Every Service is left with as many endpoints as it had.
 */
export function* singleSteps(cluster: SyntheticCluster): Generator<Step> {
  let round = 0
  for (const index of cluster.faraway()) {
    yield { kind: 'replace', changes: [cluster.replaceEndpoint(index)] }
    yield { kind: 'add', changes: [cluster.addEndpoint(index)] }
    yield { kind: 'remove', changes: [cluster.removeEndpoint(index, round++)] }
    yield { kind: 'service', changes: cluster.extraService() }
    yield { kind: undefined, changes: cluster.extraServiceGone() }
  }
}

/** Changes of so many endpoints together, for ever: all replaced, then one more each, then one less. */
export function* batches(cluster: SyntheticCluster, size: number): Generator<readonly Change[]> {
  const services = cluster.faraway()
  for (let round = 0; ; round++) {
    const chosen: number[] = []
    for (let i = 0; i < size; i++) chosen.push(services.next().value ?? 0)
    yield chosen.map((index) => cluster.replaceEndpoint(index))
    yield chosen.map((index) => cluster.addEndpoint(index))
    yield chosen.map((index) => cluster.removeEndpoint(index, round))
  }
}
