import type { BindAddress } from '../../config/bind-address.ts'
import type { PortRange } from '../../config/port-range.ts'
import type { Cidr, IpAddress } from '../../util/address.ts'

/** What `hawser up` was asked to do. */
export interface UpConfig {
  /** Absolute, like every path here. */
  readonly folder: string
  readonly once: boolean
  readonly timeoutMs: number
  readonly stateDir: string
  /** Undefined: start or adopt a private containerd. */
  readonly runtimeEndpoint: string | undefined
  readonly serviceCidrs: readonly Cidr[]
  readonly podCidr: Cidr
  readonly nodePorts: PortRange
  /** Empty: find out. */
  readonly nodeAddresses: readonly IpAddress[]
  readonly nodeName: string
  readonly metrics: BindAddress
  readonly json: boolean
  readonly verbose: boolean
}
