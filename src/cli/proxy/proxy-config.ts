import type { BindAddress } from '../../config/bind-address.ts'
import type { NodePortAddresses } from '../../config/node-port-addresses.ts'
import type { ProxyMode } from '../../dataplane/proxy-modes.ts'
import type { Cidr } from '../../util/address.ts'
import type { ApiAccess } from './api-client.ts'

/** Where Services come from. */
export type SourceConfig =
  | { readonly kind: 'folder' /** Absolute. */; readonly folder: string }
  | ({ readonly kind: 'api' } & ApiAccess)

/** What `hawser proxy` was asked to do. */
export interface ProxyConfig {
  readonly source: SourceConfig
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
  /** Absolute. */
  readonly stateDir: string
  readonly verbose: boolean
}
