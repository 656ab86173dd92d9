import type { Registry } from '../../metrics/registry.ts'

/** Names of metrics of one component, so that it can take them out of the registry again. */
export class MetricNames {
  readonly #registry: Registry
  readonly #names: string[] = []

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** What every metric of prom-client begins with. */
  own(name: string, help: string): { name: string; help: string; registers: Registry[] } {
    this.#names.push(name)
    return { name, help, registers: [this.#registry] }
  }

  removeAll(): void {
    for (const name of this.#names) this.#registry.removeSingleMetric(name)
  }
}
