import * as v from 'valibot'
import { objectMeta, typeMeta } from './metadata.ts'
import { dnsLabel } from './names.ts'
import { cidr, ipAddress, ipFamily, portName, portNumber, protocol } from './network-fields.ts'

/** 0 stands for "none", as the API's omitempty has it. */
const optionalPort = v.nullish(v.union([v.literal(0), portNumber], 'must be a port number'), 0)

const targetPort = v.union([portNumber, portName], 'must be a port number or the name of a container port')

const servicePort = v.object({
  name: v.nullish(v.union([v.literal(''), dnsLabel]), ''),
  protocol: v.nullish(protocol, 'TCP'),
  port: portNumber,
  targetPort: v.nullish(targetPort),
  nodePort: optionalPort,
  appProtocol: v.nullish(v.string()),
})

const clusterIPMessage = 'must be an IP address or None'
const clusterIP = v.union([v.literal('None'), ipAddress], clusterIPMessage)
const policy = v.nullish(v.picklist(['Cluster', 'Local']), 'Cluster')

const affinityMessage = 'must be a number of seconds from 1 to 86400'
const affinitySeconds = v.pipe(
  v.number(),
  v.integer(affinityMessage),
  v.minValue(1, affinityMessage),
  v.maxValue(86_400, affinityMessage),
)

/** core/v1 ServiceSpec, defaults as the API server fills them in. */
const spec = v.object({
  type: v.nullish(v.picklist(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']), 'ClusterIP'),
  clusterIP: v.pipe(
    v.nullish(v.union([v.literal(''), v.literal('None'), ipAddress], clusterIPMessage), ''),
    v.transform((text) => (text === '' ? undefined : text)),
  ),
  clusterIPs: v.nullish(v.pipe(v.array(clusterIP), v.maxLength(2, 'must have at most two addresses')), []),
  ipFamilies: v.nullish(v.pipe(v.array(ipFamily), v.maxLength(2, 'must have at most two families')), []),
  ipFamilyPolicy: v.nullish(v.picklist(['SingleStack', 'PreferDualStack', 'RequireDualStack'])),
  externalIPs: v.nullish(v.array(ipAddress), []),
  externalName: v.nullish(v.string()),
  loadBalancerSourceRanges: v.nullish(v.array(cidr), []),
  loadBalancerClass: v.nullish(v.string()),
  allocateLoadBalancerNodePorts: v.nullish(v.boolean(), true),
  ports: v.nullish(v.array(servicePort), []),
  selector: v.nullish(v.record(v.string(), v.string()), {}),
  sessionAffinity: v.nullish(v.picklist(['None', 'ClientIP']), 'None'),
  sessionAffinityConfig: v.nullish(
    v.object({
      clientIP: v.nullish(v.object({ timeoutSeconds: v.nullish(affinitySeconds, 10_800) }), {}),
    }),
    {},
  ),
  internalTrafficPolicy: policy,
  externalTrafficPolicy: policy,
  healthCheckNodePort: optionalPort,
  publishNotReadyAddresses: v.nullish(v.boolean(), false),
  // Its wish reaches a proxy as hints of EndpointSlices.
  trafficDistribution: v.nullish(v.string()),
})

const ingress = v.object({
  ip: v.nullish(ipAddress),
  hostname: v.nullish(v.string()),
  ipMode: v.nullish(v.picklist(['VIP', 'Proxy']), 'VIP'),
  ports: v.nullish(v.unknown()),
})

const status = v.nullish(
  v.object({
    loadBalancer: v.nullish(v.object({ ingress: v.nullish(v.array(ingress), []) }), {}),
    conditions: v.nullish(v.unknown()),
  }),
  {},
)

export const serviceSchema = v.object({ ...typeMeta, metadata: objectMeta(dnsLabel), spec, status })
