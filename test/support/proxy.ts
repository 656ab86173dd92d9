import { Registry } from 'prom-client'
import { ServiceProxy, type ServiceProxyOptions } from '../../src/dataplane/proxy.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { PLACES } from './service-world.ts'
import { address, cidr } from './services.ts'

/** A service proxy in a namespace, set for the addresses of a ServiceWorld. */
export const openProxy = (netns: string, options: Partial<ServiceProxyOptions> = {}): Promise<ServiceProxy> =>
  ServiceProxy.open({
    families: ['IPv4'],
    serviceCidrs: [cidr(PLACES.IPv4.serviceCidr), cidr(PLACES.IPv6.serviceCidr)],
    podCidrs: [cidr(PLACES.IPv4.podCidr), cidr(PLACES.IPv6.podCidr)],
    nodeAddresses: [address(PLACES.IPv4.node), address(PLACES.IPv6.node)],
    nodeName: 'here',
    masqueradePodEgress: false,
    netns,
    registry: new Registry(),
    log: silentLogger,
    ...options,
  })
