import type { SliceEndpoint } from '../../model/endpoint-slice.ts'

/** Where this proxy runs, as endpoints and their hints name places. */
export interface Here {
  /** Endpoints of this node are local. */
  readonly nodeName: string
  /** The node's label `topology.kubernetes.io/zone`; hints for zones do not apply without it. */
  readonly zone?: string | undefined
}

/**
 * Decides by the hints of a Service's ready endpoints which of them this node uses. Hints for nodes come before hints
 * for zones; either counts only when every endpoint has one and some endpoint's names this place, so that a node or
 * zone that nobody thought of is never without endpoints (KEP-2433, KEP-3015).
 */
export class TopologyHints {
  readonly #here: Here
  #allForNodes = true
  #allForZones = true
  #someForNode = false
  #someForZone = false

  constructor(here: Here) {
    this.#here = here
  }

  /** To be told of every ready endpoint before the first question. */
  see({ forNodes, forZones }: SliceEndpoint): void {
    if (forNodes.length === 0) this.#allForNodes = false
    else this.#someForNode ||= forNodes.includes(this.#here.nodeName)
    if (forZones.length === 0) this.#allForZones = false
    else this.#someForZone ||= this.#isInZone(forZones)
  }

  /** Whether some of the endpoints are for others. */
  get apply(): boolean {
    return this.#byNode || this.#byZone
  }

  /** Whether this node uses the endpoint; only asked when hints apply. */
  choose({ forNodes, forZones }: SliceEndpoint): boolean {
    return this.#byNode ? forNodes.includes(this.#here.nodeName) : this.#isInZone(forZones)
  }

  get #byNode(): boolean {
    return this.#allForNodes && this.#someForNode
  }

  get #byZone(): boolean {
    return this.#allForZones && this.#someForZone
  }

  #isInZone(zones: readonly string[]): boolean {
    return this.#here.zone !== undefined && zones.includes(this.#here.zone)
  }
}
