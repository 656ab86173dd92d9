import type { EndpointSlice } from '../../model/endpoint-slice.ts'
import type { ObjectName } from '../../model/object-name.ts'
import type { Service } from '../../model/service.ts'
import type { Cidr, IpAddress } from '../../util/address.ts'
import type { Frontend, FrontendKey } from '../desired/frontend.ts'
import type { MasqueradeRules } from './masquerade.ts'

/** All that an explanation is made of, besides what the kernel has to say. */
export interface ExplainWorld extends MasqueradeRules {
  readonly nodeName: string
  /** Where node ports answer. */
  readonly nodeAddresses: readonly IpAddress[]
  readonly serviceCidrs: readonly Cidr[]
  /** Addresses of Services are the machine's own (IPVS), so that their other ports are refused like a cluster IP's. */
  readonly ownsVips: boolean
  /** Of the question's family. */
  readonly frontends: ReadonlyMap<FrontendKey, Frontend>
  readonly service: (name: ObjectName) => Service | undefined
  readonly slices: (service: ObjectName) => readonly EndpointSlice[]
  readonly isInForce: (key: FrontendKey) => boolean
}
