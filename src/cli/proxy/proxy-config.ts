import type { BindAddress } from '../../config/bind-address.ts'
import type { NodePortAddresses } from '../../config/node-port-addresses.ts'
import type { ProxyMode } from '../../dataplane/proxy-modes.ts'
import type { Cidr } from '../../util/address.ts'

/** What `hawser proxy` was asked to do, but for the folder, which a cleanup has no use for. */
export interface ProxyConfig {
  readonly mode: ProxyMode
  readonly podCidrs: readonly Cidr[]
  readonly serviceCidrs: readonly Cidr[]
  readonly nodePortAddresses: NodePortAddresses
  readonly nodeName: string
  /** Undefined: served nowhere. */
  readonly metrics: BindAddress | undefined
  readonly health: BindAddress | undefined
  readonly minSyncPeriodMs: number
  readonly auditIntervalMs: number
  readonly masqueradeAll: boolean
  /** Absolute, like the folder. */
  readonly stateDir: string
  readonly verbose: boolean
}
