import { hasNodePorts } from './manifests.ts'
import { isHere } from './places.ts'
import type { ServiceDraft, World } from './service-draft.ts'

/** Everything that worlds are meant to have in them, and how to see that a Service has it. */
const FEATURES: Readonly<Record<string, (draft: ServiceDraft) => boolean>> = {
  'type ClusterIP': ({ kind }) => kind === 'ClusterIP',
  'type NodePort': ({ kind }) => kind === 'NodePort',
  'type LoadBalancer': ({ kind }) => kind === 'LoadBalancer',
  'type ExternalName': ({ kind }) => kind === 'ExternalName',
  headless: ({ kind }) => kind === 'Headless',
  'served by another proxy': ({ kind }) => kind === 'OtherProxy',
  'IPv4 only': ({ families }) => families.length === 1 && families[0] === 'IPv4',
  'IPv6 only': ({ families }) => families.length === 1 && families[0] === 'IPv6',
  'dual stack': ({ families }) => families.length === 2,
  UDP: ({ ports }) => ports.some(({ protocol }) => protocol === 'UDP'),
  SCTP: ({ ports }) => ports.some(({ protocol }) => protocol === 'SCTP'),
  'several ports': ({ ports }) => ports.length > 1,
  'load balancer without node ports': (draft) => draft.kind === 'LoadBalancer' && !hasNodePorts(draft),
  'load balancer of mode VIP': (draft) => hasBalancer(draft) && draft.balancerMode === 'VIP',
  'load balancer of mode Proxy': (draft) => hasBalancer(draft) && draft.balancerMode === 'Proxy',
  'source ranges': (draft) => hasBalancer(draft) && draft.state.sourceRanges.length > 0,
  'source ranges of one family': (draft) =>
    hasBalancer(draft) && draft.state.sourceRanges.some((range) => range.includes('OfIPv')),
  'external IP': ({ state }) => state.externalIPs.length > 0,
  "external IP that is the node's": ({ atNode }) => atNode,
  affinity: ({ state }) => state.affinitySeconds > 0,
  'internal policy Local': ({ state }) => state.internalTrafficPolicy === 'Local',
  'external policy Local': (draft) => isExternal(draft) && draft.state.externalTrafficPolicy === 'Local',
  'hints of zones': ({ state }) => state.hints === 'zones' || state.hints === 'both',
  'hints of nodes': ({ state }) => state.hints === 'nodes' || state.hints === 'both',
  'no endpoints': (draft) => endpointsOf(draft).length === 0,
  'several slices': ({ state }) => state.slices.length > 1,
  'one endpoint in two slices': ({ state: { slices } }) =>
    slices[0]?.endpoints.some(({ pod }) => slices[1]?.endpoints.some((other) => other.pod === pod)) ?? false,
  'slice without a port': ({ ports, state }) =>
    state.slices.some(({ withoutPort }) => withoutPort !== undefined && withoutPort < ports.length),
  'unready endpoints': (draft) => endpointsOf(draft).some(({ condition }) => condition === 'unready'),
  'endpoints without conditions': (draft) =>
    endpointsOf(draft).some(({ condition }) => condition === 'unknown'),
  'only terminating endpoints': (draft) =>
    endpointsOf(draft).length > 0 && endpointsOf(draft).every(({ condition }) => condition === 'ending'),
  'terminating beside ready endpoints': (draft) =>
    endpointsOf(draft).some(({ condition }) => condition === 'ending') &&
    endpointsOf(draft).some(({ condition }) => condition === 'ready'),
  'remote endpoints only': (draft) =>
    endpointsOf(draft).length > 0 && endpointsOf(draft).every(({ pod }) => !isHere(pod)),
  'goes in the second step': ({ later }) => later === 'goes',
  'changes in the second step': ({ later }) => typeof later === 'object',
}

/** How many Services of the worlds have each feature; 0 for those that none has. */
export function countFeatures(worlds: readonly World[]): ReadonlyMap<string, number> {
  const drafts = worlds.flatMap(({ services }) => services)
  return new Map(
    Object.entries(FEATURES).map(([name, has]) => [name, drafts.filter((draft) => has(draft)).length]),
  )
}

const endpointsOf = ({ state }: ServiceDraft) => state.slices.flatMap(({ endpoints }) => endpoints)
const hasBalancer = ({ kind, balancerIPs }: ServiceDraft): boolean =>
  kind === 'LoadBalancer' && balancerIPs > 0
const isExternal = ({ kind, state }: ServiceDraft): boolean =>
  kind === 'NodePort' || kind === 'LoadBalancer' || (kind === 'ClusterIP' && state.externalIPs.length > 0)
