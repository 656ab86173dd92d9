import type { RealServer, VirtualServer, VirtualServerKey } from '../../native/ipvs.ts'
import type { IpAddress, IpFamily } from '../../util/address.ts'
import type { FrontendKey } from '../desired/frontend.ts'
import type { Element } from './elements.ts'

/** A virtual server's own properties. */
export type ServerSettings = Required<Omit<VirtualServer, 'clientPrefix'>>

/** One request to IPVS. `frontend` is undefined for what nobody wants any more. */
export type ServerChange = { readonly frontend: FrontendKey | undefined } & (
  | { readonly op: 'add-server' | 'change-server'; readonly server: ServerSettings }
  | { readonly op: 'delete-server'; readonly server: { readonly key: VirtualServerKey } }
  | {
      readonly op: 'add-dest' | 'change-dest' | 'delete-dest'
      readonly server: { readonly key: VirtualServerKey }
      readonly dest: RealServer
    }
)

/**
 * What is done to the kernel, in this order, so that no packet meets a half state that refuses or misleads it: what new
 * connections may need comes into IPVS first; then one transaction of the table lets them in and turns away those that
 * may come no more; only then goes what those used. A VIP is the machine's own only while the table knows it, since
 * services of the machine that listen on all addresses would answer on it.
 */
export interface Plan {
  readonly family: IpFamily
  readonly prepare: readonly ServerChange[]
  readonly table: TablePlan
  readonly finish: readonly ServerChange[]
  readonly addresses: { readonly added: readonly IpAddress[]; readonly removed: readonly IpAddress[] }
}

/** One transaction: the removed elements go, then the added ones come, so that a key may be in both. */
export interface TablePlan {
  /** The table is made anew, with the added elements alone in it. */
  readonly creation: boolean
  readonly removed: readonly Element[]
  readonly added: readonly Element[]
}

export const isEmptyTablePlan = ({ creation, removed, added }: TablePlan): boolean =>
  !creation && removed.length === 0 && added.length === 0

export const isEmptyPlan = ({ prepare, table, finish, addresses }: Plan): boolean =>
  prepare.length === 0 &&
  isEmptyTablePlan(table) &&
  finish.length === 0 &&
  addresses.added.length === 0 &&
  addresses.removed.length === 0
