import {
  type Endpoint,
  type Frontend,
  type FrontendChange,
  frontendKey,
} from '../../src/dataplane/desired/frontend.ts'
import { DEFAULT_IPVS_OPTIONS } from '../../src/dataplane/desired/ipvs-options.ts'
import { objectName } from '../../src/model/object-name.ts'
import { familyOf } from '../../src/util/address.ts'
import { ip } from './addresses.ts'

/** An endpoint on this node, at port 8080 unless told otherwise. */
export const frontendEndpoint = (address: string, port = 8080): Endpoint => ({
  address: ip(address),
  port,
  local: true,
  mayHairpin: true,
})

/** A UDP frontend 10.96.0.10:80 of the Service default/web with endpoints at these addresses, unless told otherwise. */
export function frontend(
  endpoints: readonly string[],
  fields: Omit<Partial<Frontend>, 'address' | 'endpoints' | 'key'> & {
    readonly address?: string | 'node'
  } = {},
): Frontend {
  const { address: text = '10.96.0.10', protocol = 'UDP', port = 80, ...rest } = fields
  const address = text === 'node' ? undefined : ip(text)
  return {
    key: frontendKey(address, protocol, port),
    family: address === undefined ? 'IPv4' : familyOf(address),
    service: objectName('default', 'web'),
    portName: 'web',
    kind: address === undefined ? 'NodePort' : 'ClusterIP',
    address,
    protocol,
    port,
    endpoints: endpoints.map((endpoint) => frontendEndpoint(endpoint)),
    localEndpoints: undefined,
    keptEndpoints: [],
    healthCheckNodePort: 0,
    whenEmpty: 'reject',
    affinitySeconds: 0,
    sourceRanges: [],
    ipvs: DEFAULT_IPVS_OPTIONS,
    ...rest,
  }
}

export const frontendChange = (frontend: Frontend): FrontendChange => ({
  key: frontend.key,
  family: frontend.family,
  frontend,
})

export const frontendGone = ({ key, family }: Frontend): FrontendChange => ({
  key,
  family,
  frontend: undefined,
})
