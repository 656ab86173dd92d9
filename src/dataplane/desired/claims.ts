import type { ObjectName } from '../../model/object-name.ts'
import type { Problem } from '../../model/problem.ts'
import type { IpAddress } from '../../util/address.ts'
import {
  type Frontend,
  type FrontendChange,
  type FrontendKey,
  frontendKey,
  sameFrontend,
} from './frontend.ts'

export interface ClaimRules {
  /** A frontend at one of these is in the way of a node port of the same number, and the other way round. */
  readonly nodeAddresses: readonly IpAddress[]
  /** When the Service was made, in ms since the epoch; undefined when nobody says. */
  readonly createdAt: (service: ObjectName) => number | undefined
}

/**
 * The frontends of one family and who holds each. Several Services may claim the same one; the oldest Service holds
 * it, and among those of unknown or equal age the one whose name sorts first, whatever the order of events, so that
 * every node and every restart decides alike.
 */
export class Claims {
  readonly #rules: ClaimRules
  readonly #held = new Map<FrontendKey, Frontend>()
  /** All claims to a place, but where one frontend is alone at the place of its own key. */
  readonly #listed = new Map<FrontendKey, readonly Frontend[]>()

  constructor(rules: ClaimRules) {
    this.#rules = rules
  }

  get held(): ReadonlyMap<FrontendKey, Frontend> {
    return this.#held
  }

  /** Claims a frontend, or renews the Service's own claim to it. Adds what thereby is in force or gone to `changes`. */
  claim(frontend: Frontend, changes: FrontendChange[]): void {
    const place = this.#placeOf(frontend)
    const claims = this.#claimsAt(place)
    const [first] = claims
    if (first === undefined && place === frontend.key) this.#hold(frontend, changes)
    else if (claims.length === 1 && first !== undefined && isSameClaim(first, frontend)) {
      if (sameFrontend(first, frontend)) return
      this.#list(place, [frontend])
      this.#hold(frontend, changes)
    } else
      this.#settle(
        place,
        claims,
        [...claims.filter((other) => !isSameClaim(other, frontend)), frontend],
        changes,
      )
  }

  /** Gives a claim up; those behind it may take over. Releasing what was never claimed is no error. */
  release(frontend: Frontend, changes: FrontendChange[]): void {
    const place = this.#placeOf(frontend)
    const claims = this.#claimsAt(place)
    const rest = claims.filter((other) => !isSameClaim(other, frontend))
    if (rest.length < claims.length) this.#settle(place, claims, rest, changes)
  }

  /** One Problem a claim that is not in force, in the order of the frontends. */
  problems(): Problem[] {
    return [...this.#listed.keys()].sort().flatMap((place) => {
      const claims = this.#listed.get(place) ?? []
      const inForce = claims.filter((claim) => this.#isInForce(claim))
      return claims.flatMap((claim) => {
        const holder = inForce.find((other) => isInTheWay(other, claim))
        return holder === undefined || holder === claim || holder.service === claim.service
          ? []
          : [problemOf(claim, holder)]
      })
    })
  }

  /** Where frontends meet: a node port and the same port of the node's addresses are one place. */
  #placeOf({ key, address, protocol, port }: Frontend): FrontendKey {
    if (address === undefined || !this.#rules.nodeAddresses.includes(address)) return key
    return frontendKey(undefined, protocol, port)
  }

  #claimsAt(place: FrontendKey): readonly Frontend[] {
    const alone = this.#held.get(place)
    return this.#listed.get(place) ?? (alone === undefined ? NO_CLAIMS : [alone])
  }

  /** Decides anew who of `claims` is in force, where those of `before` were claims. */
  #settle(
    place: FrontendKey,
    before: readonly Frontend[],
    claims: readonly Frontend[],
    changes: FrontendChange[],
  ): void {
    const sorted = [...claims].sort((a, b) => this.#compare(a, b))
    const inForce: Frontend[] = []
    for (const claim of sorted) if (!inForce.some((other) => isInTheWay(other, claim))) inForce.push(claim)
    for (const claim of before) {
      if (!this.#isInForce(claim) || inForce.some(({ key }) => key === claim.key)) continue
      this.#held.delete(claim.key)
      changes.push({ key: claim.key, family: claim.family, frontend: undefined })
    }
    for (const claim of inForce) {
      const held = this.#held.get(claim.key)
      if (held === undefined || !sameFrontend(held, claim)) this.#hold(claim, changes)
    }
    this.#list(place, sorted)
  }

  #list(place: FrontendKey, claims: readonly Frontend[]): void {
    const [first] = claims
    if (first === undefined || (claims.length === 1 && first.key === place)) this.#listed.delete(place)
    else this.#listed.set(place, claims)
  }

  #hold(frontend: Frontend, changes: FrontendChange[]): void {
    this.#held.set(frontend.key, frontend)
    changes.push({ key: frontend.key, family: frontend.family, frontend })
  }

  #isInForce(claim: Frontend): boolean {
    return this.#held.get(claim.key)?.service === claim.service
  }

  /** Of one Service the node port comes first: it answers at all of the node's addresses. */
  #compare(a: Frontend, b: Frontend): number {
    if (a.service !== b.service) {
      const ageA = this.#rules.createdAt(a.service) ?? Number.POSITIVE_INFINITY
      const ageB = this.#rules.createdAt(b.service) ?? Number.POSITIVE_INFINITY
      if (ageA !== ageB) return ageA < ageB ? -1 : 1
      return a.service < b.service ? -1 : 1
    }
    if ((a.address === undefined) !== (b.address === undefined)) return a.address === undefined ? -1 : 1
    return a.key < b.key ? -1 : 1
  }
}

const NO_CLAIMS: readonly Frontend[] = []

const isSameClaim = (a: Frontend, b: Frontend): boolean => a.service === b.service && a.key === b.key

/** Of two at one place: those at different addresses of the node get along, a node port takes them all. */
const isInTheWay = (a: Frontend, b: Frontend): boolean =>
  a.key === b.key || a.address === undefined || b.address === undefined

const problemOf = (claim: Frontend, holder: Frontend): Problem => ({
  place: `Service ${claim.service}`,
  severity: 'error',
  reason:
    claim.key === holder.key
      ? `${describe(claim)} is already held by Service ${holder.service}`
      : `${describe(claim)} is in the way of ${describe(holder)} of Service ${holder.service}`,
  remedy: 'give one of the two Services another address or port',
})

const describe = (frontend: Frontend): string =>
  frontend.address === undefined
    ? `node port ${frontend.port}/${frontend.protocol}`
    : `${frontend.address} port ${frontend.port}/${frontend.protocol}`
