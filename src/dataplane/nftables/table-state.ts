import type { IpAddress } from '../../util/address.ts'
import type { Frontend, FrontendKey } from '../desired/frontend.ts'
import { RefCounts } from '../nf-table/ref-counts.ts'
import { ClassNumbers } from './class-numbers.ts'
import type { ClassName } from './classes.ts'
import { DATA_SETS, type DataSet, type SetName } from './layout.ts'
import type { Placement } from './placement.ts'

/** A frontend as the kernel has it. */
export interface Programmed extends Placement {
  readonly frontend: Frontend
  readonly className: ClassName
}

/**
 * What the kernel's table holds, as far as transactions that it acknowledged say: enough to write the next
 * difference without asking it. Endpoints are shared with the desired frontends, so its own cost is a few words each.
 */
export class TableState {
  readonly frontends = new Map<FrontendKey, Programmed>()
  /** Those with more endpoints than there is room for. */
  readonly curtailed = new Map<FrontendKey, Frontend>()
  /** ClusterIP frontends by address. */
  readonly clusterIps = new RefCounts<IpAddress>()
  /** Uses of endpoint addresses that may meet themselves. */
  readonly hairpins = new RefCounts<IpAddress>()
  /** Frontends by class. */
  readonly classUsers = new RefCounts<ClassName>()
  readonly classNumbers = new ClassNumbers()
  /** Classes that nobody uses any more and that were not made ahead. */
  readonly idleClasses = new Set<ClassName>()
  readonly chains = new Set<string>()
  readonly counts: Record<DataSet, number> = {
    ...{ svcs: 0, eps: 0, aidx: 0, aeps: 0, lbsrc: 0, 'cluster-ips': 0, hairpin: 0 },
  }
  /** Caps that the sets were made with; undefined while there is no table. */
  sizes: Readonly<Record<SetName, number>> | undefined

  get elements(): number {
    return DATA_SETS.reduce((sum, set) => sum + this.counts[set], 0)
  }
}

/** Buckets of the smallest set: with less room it would be outgrown by the first handful of Services. */
const FEWEST_BUCKETS = 2048

/** The kernel gives a set a third more buckets than elements, and rounds up to a power of two (nft_set_hash.c). */
const ELEMENTS_PER_BUCKET = 3 / 4

/** A set with room for the first Services, whatever they are. */
export const SMALLEST_SET = FEWEST_BUCKETS * ELEMENTS_PER_BUCKET

/**
 * Room for half as much again and more, in as many buckets as the kernel takes for it exactly: packets find their way
 * through them, and what does not fit the processor's caches costs each new connection a wait for memory.
 */
export const sizeFor = (count: number): number => {
  const fewest = Math.max(FEWEST_BUCKETS, (count * 1.5) / ELEMENTS_PER_BUCKET)
  return 2 ** Math.ceil(Math.log2(fewest)) * ELEMENTS_PER_BUCKET
}
