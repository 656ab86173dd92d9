import type { ObjectName } from '../model/object-name.ts'
import type { Service } from '../model/service.ts'

/** The Services that pods are told of. */
export class KnownServices {
  readonly #services = new Map<ObjectName, Service>()
  #complete: boolean

  /** `complete`: nobody is waited for. */
  constructor(complete: boolean) {
    this.#complete = complete
  }

  set(name: ObjectName, service: Service | undefined): void {
    if (service === undefined) this.#services.delete(name)
    else this.#services.set(name, service)
  }

  /** All that there are have been said once. */
  complete(): void {
    this.#complete = true
  }

  get isComplete(): boolean {
    return this.#complete
  }

  get all(): Iterable<Service> {
    return this.#services.values()
  }
}
