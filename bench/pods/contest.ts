import { benchPod } from './bench-pod.ts'
import type { PodStarter } from './starter.ts'

/** Milliseconds of one side. */
export interface PodTimes {
  /** Single starts, one after the other. */
  readonly starts: readonly number[]
  /** From the first request to the last pod running, of each round of pods at once. */
  readonly parallel: readonly number[]
}

export interface ContestSizes {
  readonly starts: number
  /** Pods at once. */
  readonly pods: number
  readonly parallelRounds: number
}

export interface PodContest {
  readonly hawser: PodTimes
  readonly floor: PodTimes
}

/**
 * Takes turns between the two sides, the other one first each time, so that a drift of the machine hits both; each
 * side's first start and its first pods at once only warm up. Pods are gone before the next ones start.
 */
export async function contestPods(
  hawser: PodStarter,
  floor: PodStarter,
  sizes: ContestSizes,
): Promise<PodContest> {
  const times = {
    hawser: { starts: [] as number[], parallel: [] as number[] },
    floor: { starts: [] as number[], parallel: [] as number[] },
  }
  const sides = [
    { name: 'hawser', starter: hawser },
    { name: 'floor', starter: floor },
  ] as const
  for (let round = 0; round <= sizes.starts; round++)
    for (const { name, starter } of inTurn(sides, round)) {
      const took = await startAtOnce(starter, `${name}-${round}`, 1)
      if (round > 0) times[name].starts.push(took)
    }
  for (let round = 0; round <= sizes.parallelRounds; round++)
    for (const { name, starter } of inTurn(sides, round)) {
      const took = await startAtOnce(starter, `${name}-at-once-${round}`, sizes.pods)
      if (round > 0) times[name].parallel.push(took)
    }
  return times
}

const inTurn = <Side>(sides: readonly Side[], round: number): readonly Side[] =>
  round % 2 === 0 ? sides : sides.toReversed()

/** Milliseconds until all of `count` pods run; they are removed afterwards. */
async function startAtOnce(starter: PodStarter, prefix: string, count: number): Promise<number> {
  const pods = Array.from({ length: count }, (_, i) => benchPod(`${prefix}-${i}`))
  const begin = performance.now()
  await Promise.all(pods.map((pod) => starter.start(pod)))
  const took = performance.now() - begin
  await Promise.all(pods.map((pod) => starter.remove(pod)))
  return took
}
