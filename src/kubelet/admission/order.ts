import type { Change, ChangeOf } from '../../model/change.ts'

/**
 * Changes as they are to be taken in: pods that run already, those that were made earlier, all others. After a restart
 * the node may be full of what it ran before, and nothing new may push that out.
 */
export function inOrder(changes: readonly Change[], runs: (uid: string) => boolean): readonly Change[] {
  const rank = ({ object }: ChangeOf<'Pod'>): number =>
    object === undefined || runs(object.uid) ? Number.NEGATIVE_INFINITY : (object.createdAt ?? 0)
  const isPod = (change: Change): change is ChangeOf<'Pod'> => change.kind === 'Pod'
  const pods = changes.filter(isPod)
  // A sort by what is told apart keeps the order of the rest: two pods of one name come as they came.
  return [...changes.filter((change) => !isPod(change)), ...pods.sort((a, b) => compare(rank(a), rank(b)))]
}

/** Infinities have no difference. */
const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0)
