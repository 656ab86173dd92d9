/** Metrics of one name. */
export interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
}

export const counter = (name: string, help: string): Family => ({ name, type: 'counter', help })

export const gauge = (name: string, help: string): Family => ({ name, type: 'gauge', help })

/**
 * Samples on their way to Prometheus' text format 0.0.4. By hand: a registry would keep every series and render them all
 * in one turn of the event loop.
 */
export class MetricText {
  readonly #lines = new Map<Family, string[]>()

  /** `labels` as text, braces and all; `at` in ms since the epoch. */
  add(family: Family, labels: string, value: number, at?: number): void {
    const line = `${family.name}${labels} ${value}${at === undefined ? '' : ` ${at}`}\n`
    const lines = this.#lines.get(family)
    if (lines === undefined) this.#lines.set(family, [line])
    else lines.push(line)
  }

  /** Families in the order of their names, each with what it is. */
  toString(): string {
    return [...this.#lines]
      .sort(([a], [b]) => (a.name < b.name ? -1 : 1))
      .map(([{ name, type, help }, lines]) =>
        [`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`, ...lines].join(''),
      )
      .join('')
  }
}
