import type { Protocol } from '../../src/model/service.ts'
import type { IpFamily } from '../../src/util/address.ts'
import type { SourceRange } from './places.ts'

export type DraftKind = 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'Headless' | 'ExternalName' | 'OtherProxy'

export interface DraftPort {
  readonly protocol: Protocol
  readonly port: number
  /** Index of one of SERVER_PORTS. */
  readonly target: 0 | 1
}

export type Condition = 'ready' | 'unknown' | 'unready' | 'ending' | 'ended'

export interface DraftEndpoint {
  /** From 1. */
  readonly pod: number
  readonly condition: Condition
  /** Of the hint; '' is an endpoint without hints beside others that have some. */
  readonly hintedZone: 'east' | 'west' | ''
}

export interface DraftSlice {
  readonly endpoints: readonly DraftEndpoint[]
  /** Which of the Service's ports it has, by index; others are missing from it. */
  readonly withoutPort: number | undefined
}

/** The parts of a Service that may change while it lives. */
export interface DraftState {
  readonly affinitySeconds: number
  readonly internalTrafficPolicy: 'Cluster' | 'Local'
  readonly externalTrafficPolicy: 'Cluster' | 'Local'
  /** Indices: 0 and 1 are addresses of its own. */
  readonly externalIPs: readonly number[]
  readonly sourceRanges: readonly SourceRange[]
  readonly hints: 'none' | 'zones' | 'nodes' | 'both'
  readonly slices: readonly DraftSlice[]
}

/** A Service and its EndpointSlices in the words of a generator; `manifests.ts` writes them out. */
export interface ServiceDraft {
  /** Number of its world and index in it, which its addresses and node ports come from. */
  readonly world: number
  readonly index: number
  readonly kind: DraftKind
  readonly families: readonly IpFamily[]
  readonly ports: readonly DraftPort[]
  readonly withNodePorts: boolean
  readonly balancerIPs: number
  readonly balancerMode: 'VIP' | 'Proxy'
  /** The node's own address as one more external IP. */
  readonly atNode: boolean
  readonly state: DraftState
  /** What becomes of it in the second step of the world. */
  readonly later: 'stays' | 'goes' | DraftState
}

/** A world of Services in two steps, all of which follows from its seed. */
export interface World {
  readonly seed: number
  /** Third part of its IPv4 addresses: worlds that follow each other have no place in common. */
  readonly number: number
  readonly services: readonly ServiceDraft[]
}

/** The Services of a world in its first or second step. */
export function servicesAt(world: World, step: 0 | 1): readonly ServiceDraft[] {
  if (step === 0) return world.services
  return world.services.flatMap((draft) => {
    if (draft.later === 'goes') return []
    return draft.later === 'stays' ? [draft] : [{ ...draft, state: draft.later }]
  })
}
