import type { IpFamily } from '../../src/util/address.ts'
import {
  balancerIP,
  clusterIP,
  externalIP,
  isHere,
  NODE,
  nodeIP,
  nodePort,
  podIP,
  SERVER_PORTS,
  SOURCE_RANGES,
} from './places.ts'
import type { Condition, DraftEndpoint, DraftSlice, ServiceDraft } from './service-draft.ts'

const FAMILIES = ['IPv4', 'IPv6'] as const

/** The object of a draft as kubectl would be given it; `status` is for a request of its own. */
export interface ServiceManifest {
  readonly apiVersion: 'v1'
  readonly kind: 'Service'
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
  readonly spec: Readonly<Record<string, unknown>>
  readonly status?: { readonly loadBalancer: { readonly ingress: readonly object[] } }
}

export interface SliceManifest {
  readonly apiVersion: 'discovery.k8s.io/v1'
  readonly kind: 'EndpointSlice'
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
  readonly addressType: IpFamily
  readonly ports: readonly object[]
  readonly endpoints: readonly object[]
}

/** What every object of a world carries, to be deleted by. */
export const LABEL = 'differential'

/** Whether `kind` has ports on the node. */
export const hasNodePorts = ({ kind, withNodePorts }: ServiceDraft): boolean =>
  kind === 'NodePort' || (kind === 'LoadBalancer' && withNodePorts)

export const nameOf = ({ index }: Pick<ServiceDraft, 'index'>): string => `service-${index}`

export const externalIPsOf = ({ index, world, state, atNode }: ServiceDraft): readonly string[] => [
  ...state.externalIPs.flatMap((which) => FAMILIES.map((family) => externalIP(family, world, index, which))),
  ...(atNode ? FAMILIES.map(nodeIP) : []),
]

export const balancerIPsOf = (draft: ServiceDraft): readonly string[] =>
  draft.kind !== 'LoadBalancer'
    ? []
    : Array.from({ length: draft.balancerIPs }, (_, which) =>
        draft.families.map((family) => balancerIP(family, draft.world, draft.index, which)),
      ).flat()

/** Writes a draft out. */
export function serviceManifest(draft: ServiceDraft): ServiceManifest {
  const { kind, families, index, world, balancerMode } = draft
  const ingress = balancerIPsOf(draft).map((ip) => ({ ip, ipMode: balancerMode }))
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: nameOf(draft),
      labels: {
        [LABEL]: 'true',
        ...(kind === 'OtherProxy' ? { 'service.kubernetes.io/service-proxy-name': 'other' } : {}),
      },
    },
    spec:
      kind === 'ExternalName'
        ? { type: 'ExternalName', externalName: 'example.org' }
        : {
            ...{
              ipFamilies: families,
              ipFamilyPolicy: families.length > 1 ? 'RequireDualStack' : 'SingleStack',
            },
            ...addresses(
              kind === 'Headless' ? ['None'] : families.map((family) => clusterIP(family, world, index)),
            ),
            ports: portsOf(draft),
            ...(kind === 'Headless' ? {} : routing(draft)),
          },
    ...(ingress.length > 0 ? { status: { loadBalancer: { ingress } } } : {}),
  }
}

/** The API server wants both, and the first twice. */
const addresses = (clusterIPs: readonly string[]): object => ({ clusterIP: clusterIPs[0], clusterIPs })

function portsOf(draft: ServiceDraft): readonly object[] {
  return draft.ports.map(({ protocol, port }, i) => ({
    ...{ name: portName(draft, i), protocol, port },
    ...(hasNodePorts(draft) ? { nodePort: nodePort(draft.world, draft.index, i) } : {}),
  }))
}

/** A single port needs no name. */
const portName = ({ ports }: ServiceDraft, port: number): string => (ports.length === 1 ? '' : `p${port}`)

function routing(draft: ServiceDraft): object {
  const { kind, state, withNodePorts } = draft
  const externalIPs = externalIPsOf(draft)
  const isExternal = kind === 'NodePort' || kind === 'LoadBalancer' || externalIPs.length > 0
  const needsCheck = kind === 'LoadBalancer' && state.externalTrafficPolicy === 'Local'
  return {
    type: kind === 'OtherProxy' ? 'ClusterIP' : kind,
    ...(state.affinitySeconds > 0
      ? {
          sessionAffinity: 'ClientIP',
          sessionAffinityConfig: { clientIP: { timeoutSeconds: state.affinitySeconds } },
        }
      : {}),
    internalTrafficPolicy: state.internalTrafficPolicy,
    ...(isExternal ? { externalTrafficPolicy: state.externalTrafficPolicy } : {}),
    ...(externalIPs.length > 0 ? { externalIPs } : {}),
    ...(kind === 'LoadBalancer' ? { allocateLoadBalancerNodePorts: withNodePorts } : {}),
    ...(needsCheck ? { healthCheckNodePort: nodePort(draft.world, draft.index, 3) } : {}),
    ...(kind === 'LoadBalancer' && state.sourceRanges.length > 0
      ? {
          loadBalancerSourceRanges: [...new Set(state.sourceRanges.flatMap((range) => SOURCE_RANGES[range]))],
        }
      : {}),
  }
}

/** All slices of a draft, each once a family. */
export function sliceManifests(draft: ServiceDraft): readonly SliceManifest[] {
  if (draft.kind === 'ExternalName') return []
  return draft.families.flatMap((family) =>
    draft.state.slices.map((slice, i) => sliceManifest(draft, family, slice, i)),
  )
}

function sliceManifest(
  draft: ServiceDraft,
  family: IpFamily,
  { endpoints, withoutPort }: DraftSlice,
  index: number,
): SliceManifest {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${nameOf(draft)}-${family.toLowerCase()}-${index}`,
      labels: { [LABEL]: 'true', 'kubernetes.io/service-name': nameOf(draft) },
    },
    addressType: family,
    ports: draft.ports.flatMap(({ protocol, target }, i) =>
      i === withoutPort ? [] : [{ name: portName(draft, i), protocol, port: SERVER_PORTS[target] }],
    ),
    endpoints: endpoints.map((endpoint) => ({
      addresses: [podIP(family, endpoint.pod)],
      conditions: CONDITIONS[endpoint.condition],
      nodeName: nodeNameOf(endpoint),
      zone: endpoint.hintedZone === 'west' ? 'west' : 'east',
      ...hintsOf(draft, endpoint),
    })),
  }
}

const CONDITIONS: Readonly<Record<Condition, object>> = {
  ready: { ready: true, serving: true, terminating: false },
  // "A nil value should be interpreted as true" (discovery.k8s.io/v1 EndpointConditions).
  unknown: {},
  unready: { ready: false, serving: false, terminating: false },
  ending: { ready: false, serving: true, terminating: true },
  ended: { ready: false, serving: false, terminating: true },
}

const nodeNameOf = ({ pod }: DraftEndpoint): string => (isHere(pod) ? NODE.name : 'there')

function hintsOf({ state }: ServiceDraft, endpoint: DraftEndpoint): object {
  const { hintedZone } = endpoint
  if (state.hints === 'none' || hintedZone === '') return {}
  const forZones = state.hints === 'nodes' ? {} : { forZones: [{ name: hintedZone }] }
  const forNodes = state.hints === 'zones' ? {} : { forNodes: [{ name: nodeNameOf(endpoint) }] }
  return { hints: { ...forZones, ...forNodes } }
}
