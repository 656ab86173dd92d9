import type { Change } from '../../model/change.ts'
import type { EndpointSlice } from '../../model/endpoint-slice.ts'
import type { ObjectName } from '../../model/object-name.ts'
import type { Problem } from '../../model/problem.ts'
import type { Service } from '../../model/service.ts'
import type { IpAddress, IpFamily } from '../../util/address.ts'
import { type ClaimRules, Claims } from './claims.ts'
import type { Frontend, FrontendChange, FrontendKey } from './frontend.ts'
import { type FrontendOptions, type ServiceFrontends, serviceFrontends } from './service-frontends.ts'

export interface DesiredOptions extends FrontendOptions {
  /** Where node ports answer, so that no other frontend may have the same port there; default none. */
  readonly nodeAddresses?: readonly IpAddress[]
}

const NOTHING: ServiceFrontends = { frontends: [], problems: [] }
const NO_SLICES: readonly EndpointSlice[] = []

/** What is known under the name of one Service; slices may come before it and outlive it. */
interface Known {
  service: Service | undefined
  /** In the order in which they came. */
  slices: readonly EndpointSlice[]
  compiled: ServiceFrontends
}

/**
 * Compiles Services and EndpointSlices into frontends. Pure and incremental: `apply` remembers objects and marks the
 * Services they touch, `compile` works through the marked ones, so the cost follows the change and not the world.
 * Any order of the same changes ends in the same frontends.
 */
export class DesiredCompiler {
  readonly #options: DesiredOptions
  readonly #services = new Map<ObjectName, Known>()
  readonly #slices = new Map<ObjectName, EndpointSlice>()
  readonly #claims: ReadonlyMap<IpFamily, Claims>
  readonly #dirty = new Set<ObjectName>()

  constructor(options: DesiredOptions) {
    this.#options = options
    const rules: ClaimRules = {
      nodeAddresses: options.nodeAddresses ?? [],
      createdAt: (service) => this.#services.get(service)?.service?.createdAt,
    }
    this.#claims = new Map(options.families.map((family) => [family, new Claims(rules)]))
  }

  /** Services waiting for `compile`. */
  get dirty(): number {
    return this.#dirty.size
  }

  /** Takes in one change; kinds that the dataplane has no use for are ignored. */
  apply(change: Change): void {
    if (change.kind === 'Service') this.#applyService(change.name, change.object)
    else if (change.kind === 'EndpointSlice') this.#applySlice(change.name, change.object)
  }

  /**
   * Compiles dirty Services until none is left or `mayGoOn` says stop (asked after each Service), and returns what
   * changed. A frontend may come more than once: the last one counts.
   */
  compile(mayGoOn: () => boolean = () => true): FrontendChange[] {
    const changes: FrontendChange[] = []
    for (const name of this.#dirty) {
      this.#dirty.delete(name)
      this.#compileService(name, changes)
      if (!mayGoOn()) break
    }
    return changes
  }

  /** The frontends in force, by key, of one family: what all changes so far add up to. */
  frontends(family: IpFamily): ReadonlyMap<FrontendKey, Frontend> {
    return this.#claims.get(family)?.held ?? new Map()
  }

  service(name: ObjectName): Service | undefined {
    return this.#services.get(name)?.service
  }

  /** All slices of a Service, in the order in which they came. */
  slices(service: ObjectName): readonly EndpointSlice[] {
    return this.#services.get(service)?.slices ?? NO_SLICES
  }

  /** What Services ask for and do not get. */
  problems(): Problem[] {
    const ofServices = [...this.#services.values()].flatMap(({ compiled }) => compiled.problems)
    return [...ofServices, ...[...this.#claims.values()].flatMap((claims) => claims.problems())]
  }

  /** A name that turns out to be nobody's is forgotten when it is compiled. */
  #known(name: ObjectName): Known {
    let known = this.#services.get(name)
    if (known === undefined) {
      known = { service: undefined, slices: NO_SLICES, compiled: NOTHING }
      this.#services.set(name, known)
    }
    return known
  }

  #applyService(name: ObjectName, service: Service | undefined): void {
    this.#known(name).service = service
    this.#dirty.add(name)
  }

  #applySlice(name: ObjectName, slice: EndpointSlice | undefined): void {
    const before = this.#slices.get(name)
    if (before !== undefined) this.#detach(before)
    if (slice === undefined) {
      this.#slices.delete(name)
      return
    }
    this.#slices.set(name, slice)
    const known = this.#known(slice.service)
    known.slices = [...known.slices, slice]
    this.#dirty.add(slice.service)
  }

  #detach(slice: EndpointSlice): void {
    const known = this.#known(slice.service)
    known.slices = known.slices.filter((other) => other !== slice)
    this.#dirty.add(slice.service)
  }

  #compileService(name: ObjectName, changes: FrontendChange[]): void {
    const known = this.#known(name)
    const { service, slices, compiled: before } = known
    const after = service === undefined ? NOTHING : serviceFrontends(service, slices, this.#options)
    known.compiled = after
    if (service === undefined && slices.length === 0) this.#services.delete(name)
    const isThere = placesOf(after.frontends)
    for (const frontend of before.frontends)
      if (!isThere(frontend)) this.#claims.get(frontend.family)?.release(frontend, changes)
    for (const frontend of after.frontends) this.#claims.get(frontend.family)?.claim(frontend, changes)
  }
}

/** Whether one of the frontends has the place of another. Most Services have a handful of them, some have thousands. */
function placesOf(frontends: readonly Frontend[]): (frontend: Frontend) => boolean {
  const placeOf = ({ family, key }: Frontend): string => `${family}/${key}`
  const places = new Set(frontends.map(placeOf))
  return (frontend) => places.has(placeOf(frontend))
}
