import { type Idle, idleTogether } from './idle.ts'
import { Side } from './side.ts'

/** A way to start pods: through the API server on some node, or by bare calls of its runtime. */
export interface Contestant {
  /** In names of pods. */
  readonly name: string
  /** Starts pods of these names at once; resolves to how long that took, in ms. */
  start(names: readonly string[]): Promise<number>
  /** Resolves when nothing is left of them. */
  remove(names: readonly string[]): Promise<void>
  /** Requests with which it has changed something at the API server so far, heartbeats left out. */
  writes(): Promise<number>
}

/** A node's process. */
export interface NodeContestant extends Contestant {
  readonly pid: number
}

export interface Contestants {
  readonly hawser: NodeContestant
  readonly floor: Contestant
  readonly peer: NodeContestant | undefined
}

export interface ContestSizes {
  /** Single starts that are counted, one after the other. */
  readonly starts: number
  /** Pods at once, and how often. */
  readonly batch: number
  readonly batchRounds: number
  /** Pods that run while nothing happens, and for how long. */
  readonly idlePods: number
  readonly idleSeconds: number
}

/** What one way took; times in ms. */
export interface Starts {
  readonly single: readonly number[]
  /** Until the last of the pods at once, a round. */
  readonly batch: readonly number[]
}

export interface NodeMeasured extends Starts, Idle {
  /** API writes of a pod until it ran, and until nothing was left of it. */
  readonly writesToStart: number
  readonly writesToEnd: number
}

export interface NodeContest {
  readonly hawser: NodeMeasured
  readonly floor: Starts
  readonly peer: NodeMeasured | undefined
}

/**
 * Takes turns between the sides, another one first each time, so that a drift of the machine hits all; everyone's first
 * start only warms up. Pods are gone before the next ones start.
 */
export async function contestNodes(contestants: Contestants, sizes: ContestSizes): Promise<NodeContest> {
  const own = new Side(contestants.hawser)
  const bare = new Side(contestants.floor)
  const other = contestants.peer === undefined ? undefined : new Side(contestants.peer)
  const nodes = other === undefined ? [own] : [own, other]
  const sides = [...nodes, bare]
  for (let round = 0; round <= sizes.starts; round++)
    for (const side of inTurn(sides, round)) await side.startOne(round)
  for (let round = 0; round < sizes.batchRounds; round++)
    for (const side of inTurn(sides, round)) await side.startAtOnce(round, sizes.batch)
  const [hawser, peer] = await idleTogether(nodes, sizes)
  if (hawser === undefined) throw new RangeError('a contest has a node')
  const measured = (side: Side, idle: Idle): NodeMeasured => ({ ...side.measured, ...idle })
  return {
    hawser: measured(own, hawser),
    floor: bare.measured,
    peer: other === undefined || peer === undefined ? undefined : measured(other, peer),
  }
}

const inTurn = <Value>(values: readonly Value[], round: number): readonly Value[] => {
  const first = round % values.length
  return [...values.slice(first), ...values.slice(0, first)]
}
