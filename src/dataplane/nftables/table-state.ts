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

/** A set with less room than this would be outgrown by the first handful of Services. */
export const SMALLEST_SET = 4096

/** Four times what is in it now, as a power of two: a world must quadruple before its table is made anew. */
export const sizeFor = (count: number): number =>
  Math.max(SMALLEST_SET, 2 ** Math.ceil(Math.log2(Math.max(1, count * 4))))
