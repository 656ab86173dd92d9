import { Registry } from 'prom-client'
import { ServiceProxy, type ServiceProxyOptions } from '../../src/dataplane/proxy.ts'
import { silentLogger } from '../../src/util/logger.ts'
import { NODE_ADDRESS, POD_CIDR, SERVICE_CIDR } from './service-world.ts'
import { address, cidr } from './services.ts'

/** A service proxy in a namespace, set for the addresses of a ServiceWorld. */
export const openProxy = (netns: string, options: Partial<ServiceProxyOptions> = {}): Promise<ServiceProxy> =>
  ServiceProxy.open({
    families: ['IPv4'],
    serviceCidrs: [cidr(SERVICE_CIDR), cidr('fd00:96::/108')],
    podCidrs: [cidr(POD_CIDR), cidr('fd00:1::/64')],
    nodeAddresses: [address(NODE_ADDRESS), address('fd00:20::1')],
    nodeName: 'here',
    masqueradePodEgress: false,
    netns,
    registry: new Registry(),
    log: silentLogger,
    ...options,
  })
