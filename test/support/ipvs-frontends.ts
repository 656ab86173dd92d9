import type { Endpoint, Frontend, FrontendKind } from '../../src/dataplane/desired/frontend.ts'
import { frontendKey } from '../../src/dataplane/desired/frontend.ts'
import { DEFAULT_IPVS_OPTIONS } from '../../src/dataplane/desired/ipvs-options.ts'
import { DEFAULT_MASQUERADE_MARK } from '../../src/dataplane/family-config.ts'
import type { IpvsConfig } from '../../src/dataplane/ipvs/ipvs-config.ts'
import { objectName } from '../../src/model/object-name.ts'
import type { Protocol } from '../../src/model/service.ts'
import { familyOf, type IpFamily } from '../../src/util/address.ts'
import { cidr, ip } from './addresses.ts'
import { PLACES, SERVER_PORT } from './service-world.ts'

/** The server with an index from 1, on this node. */
export const pod = (index: number, family: IpFamily = 'IPv4'): Endpoint => ({
  address: ip(PLACES[family].subnet(index).server),
  port: SERVER_PORT,
  local: true,
  mayHairpin: true,
})

/** A frontend at `address`, or a node port without one. */
export function frontend(
  address: string | undefined,
  port: number,
  endpoints: readonly Endpoint[],
  fields: Partial<Frontend> & { readonly protocol?: Protocol; readonly kind?: FrontendKind } = {},
): Frontend {
  const at = address === undefined ? undefined : ip(address)
  const protocol = fields.protocol ?? 'TCP'
  return {
    key: frontendKey(at, protocol, port),
    family: at === undefined ? 'IPv4' : familyOf(at),
    service: objectName('default', `at-${port}`),
    portName: '',
    kind: at === undefined ? 'NodePort' : 'ClusterIP',
    address: at,
    protocol,
    port,
    endpoints,
    localEndpoints: undefined,
    keptEndpoints: [],
    healthCheckNodePort: 0,
    whenEmpty: 'reject',
    affinitySeconds: 0,
    sourceRanges: [],
    ipvs: DEFAULT_IPVS_OPTIONS,
    ...fields,
  }
}

/** The configuration of the node of a ServiceWorld. */
export const configOf = (family: IpFamily, fields: Partial<IpvsConfig> = {}): IpvsConfig => ({
  family,
  serviceCidrs: [cidr(PLACES[family].serviceCidr)],
  podCidrs: [cidr(PLACES[family].podCidr)],
  nodeAddresses: [ip(PLACES[family].node)],
  masqueradePodEgress: false,
  masqueradeMark: DEFAULT_MASQUERADE_MARK,
  masqueradeAll: false,
  excludeCidrs: [],
  strictArp: false,
  timeouts: { tcpSeconds: 0, tcpFinSeconds: 0, udpSeconds: 0 },
  ...fields,
})
