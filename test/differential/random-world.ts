import fc from 'fast-check'
import { isHere, PODS, SOURCE_RANGES, type SourceRange } from './places.ts'
import type { DraftPort, DraftSlice, DraftState, ServiceDraft, World } from './service-draft.ts'

/** Services of a world: few enough that it takes seconds, enough that they meet each other's rules. */
const SERVICES = 6

const often = <Value>(usual: Value, ...rare: readonly Value[]) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 2, arbitrary: fc.constantFrom(...rare) })

const port = fc.record<DraftPort>({
  protocol: fc.constantFrom('TCP', 'TCP', 'TCP', 'UDP', 'UDP', 'SCTP'),
  port: fc.constantFrom(80, 81, 443),
  target: fc.constantFrom(0, 1),
})

const endpoints = fc.uniqueArray(
  fc.record({
    pod: fc.integer({ min: 1, max: PODS }),
    condition: fc.constantFrom('ready', 'ready', 'ready', 'unknown', 'unready', 'ending', 'ended'),
    hintedZone: fc.constantFrom('east', 'east', 'east', 'west', 'west', ''),
  }),
  { selector: ({ pod }) => pod, maxLength: PODS },
)

/** All of one kind now and then: nothing but terminating, remote or unready endpoints is what policies are about. */
const slice: fc.Arbitrary<DraftSlice> = fc
  .record({
    endpoints,
    every: often('as they are', 'ready', 'ending', 'there', 'here and ready'),
    withoutPort: often(undefined, 0, 1),
  })
  .map(({ endpoints, every, withoutPort }) => {
    switch (every) {
      case 'ready':
      case 'ending':
        return { endpoints: endpoints.map((endpoint) => ({ ...endpoint, condition: every })), withoutPort }
      case 'there':
        return { endpoints: endpoints.filter(({ pod }) => !isHere(pod)), withoutPort }
      case 'here and ready': {
        const here = endpoints.filter(({ pod }) => isHere(pod))
        return { endpoints: here.map((endpoint) => ({ ...endpoint, condition: 'ready' })), withoutPort }
      }
      default:
        return { endpoints, withoutPort }
    }
  })

/** What two slices say of one endpoint is the same: where they contradict each other kube-proxy believes either. */
const agreeing = (slice: DraftSlice, first: DraftSlice): DraftSlice => ({
  ...slice,
  endpoints: slice.endpoints.map((one) => first.endpoints.find(({ pod }) => pod === one.pod) ?? one),
})

const ranges = Object.keys(SOURCE_RANGES) as SourceRange[]

const state: fc.Arbitrary<DraftState> = fc.record({
  // Costs many questions, from many addresses.
  affinitySeconds: fc.constantFrom(0, 0, 0, 0, 0, 0, 60, 10_800),
  internalTrafficPolicy: often('Cluster', 'Local'),
  externalTrafficPolicy: often('Cluster', 'Local'),
  externalIPs: fc.oneof(fc.constant([]), fc.subarray([0, 1])),
  sourceRanges: fc.oneof(fc.constant([]), fc.subarray(ranges, { minLength: 1, maxLength: 2 })),
  hints: often('none', 'zones', 'nodes', 'both'),
  slices: fc.oneof(
    { weight: 5, arbitrary: fc.array(slice, { minLength: 1, maxLength: 1 }) },
    {
      weight: 2,
      arbitrary: fc.tuple(slice, slice).map(([first, second]) => [first, agreeing(second, first)]),
    },
    { weight: 1, arbitrary: fc.constant([]) },
  ),
})

const service: fc.Arbitrary<Omit<ServiceDraft, 'world' | 'index'>> = fc.record({
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'LoadBalancer') },
    { weight: 1, arbitrary: fc.constantFrom('Headless', 'ExternalName', 'OtherProxy') },
  ),
  families: fc.constantFrom(['IPv4'], ['IPv6'], ['IPv4', 'IPv6'], ['IPv4', 'IPv6'], ['IPv6', 'IPv4']),
  ports: fc.uniqueArray(port, {
    selector: ({ protocol, port }) => `${protocol} ${port}`,
    minLength: 1,
    maxLength: 3,
  }),
  withNodePorts: often(true, false),
  balancerIPs: fc.integer({ min: 0, max: 2 }),
  balancerMode: often('VIP', 'Proxy'),
  atNode: often(false, true),
  state,
  later: fc.oneof(fc.constantFrom('stays', 'goes', 'stays'), state),
})

const services = fc.array(service, { minLength: SERVICES, maxLength: SERVICES })

/** The same seed gives the same world on every machine. */
export function randomWorld(seed: number): World {
  const number = 1 + (seed % 200)
  const [drafted = []] = fc.sample(services, { seed, numRuns: 1 })
  return {
    seed,
    number,
    services: drafted.map((draft, index) => ({
      ...draft,
      ...{ world: number, index },
      // Two Services of one address would be a conflict, of which kube-proxy makes what its maps' order gives.
      atNode: draft.atNode && index === 0,
    })),
  }
}
