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

/**
 * Compiles Services and EndpointSlices into frontends. Pure and incremental: `apply` remembers objects and marks the
 * Services they touch, `compile` works through the marked ones, so the cost follows the change and not the world.
 * Any order of the same changes ends in the same frontends.
 */
export class DesiredCompiler {
  readonly #options: DesiredOptions
  readonly #services = new Map<ObjectName, Service>()
  readonly #slices = new Map<ObjectName, EndpointSlice>()
  readonly #slicesOf = new Map<ObjectName, readonly EndpointSlice[]>()
  readonly #compiled = new Map<ObjectName, ServiceFrontends>()
  readonly #claims: ReadonlyMap<IpFamily, Claims>
  readonly #dirty = new Set<ObjectName>()

  constructor(options: DesiredOptions) {
    this.#options = options
    const rules: ClaimRules = {
      nodeAddresses: options.nodeAddresses ?? [],
      createdAt: (service) => this.#services.get(service)?.createdAt,
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
    return this.#services.get(name)
  }

  /** All slices of a Service, in the order in which they came. */
  slices(service: ObjectName): readonly EndpointSlice[] {
    return this.#slicesOf.get(service) ?? []
  }

  /** What Services ask for and do not get. */
  problems(): Problem[] {
    const ofServices = [...this.#compiled.values()].flatMap((compiled) => compiled.problems)
    return [...ofServices, ...[...this.#claims.values()].flatMap((claims) => claims.problems())]
  }

  #applyService(name: ObjectName, service: Service | undefined): void {
    if (service === undefined) this.#services.delete(name)
    else this.#services.set(name, service)
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
    this.#slicesOf.set(slice.service, [...(this.#slicesOf.get(slice.service) ?? []), slice])
    this.#dirty.add(slice.service)
  }

  #detach(slice: EndpointSlice): void {
    const rest = (this.#slicesOf.get(slice.service) ?? []).filter((other) => other !== slice)
    if (rest.length === 0) this.#slicesOf.delete(slice.service)
    else this.#slicesOf.set(slice.service, rest)
    this.#dirty.add(slice.service)
  }

  #compileService(name: ObjectName, changes: FrontendChange[]): void {
    const service = this.#services.get(name)
    const before = this.#compiled.get(name) ?? NOTHING
    const after =
      service === undefined
        ? NOTHING
        : serviceFrontends(service, this.#slicesOf.get(name) ?? [], this.#options)
    if (service === undefined) this.#compiled.delete(name)
    else this.#compiled.set(name, after)
    for (const frontend of before.frontends) {
      if (after.frontends.some((other) => other.key === frontend.key && other.family === frontend.family))
        continue
      this.#claims.get(frontend.family)?.release(frontend, changes)
    }
    for (const frontend of after.frontends) this.#claims.get(frontend.family)?.claim(frontend, changes)
  }
}
