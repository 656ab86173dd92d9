import { formatPath, type ObjectPath } from './object-path.ts'

/**
 * Something wrong inside one object. Sources turn it into a Problem with the place they know: a line of a file, or the
 * object's name.
 */
export interface ObjectProblem {
  readonly path: ObjectPath
  /** What is wrong with the field, to be read behind its path: `must be a port number from 1 to 65535, not 0`. */
  readonly reason: string
  readonly remedy?: string
  /**
   * `error`: there is no value. `warning`: there is one, but for the field named. `unsupported`: there is one, and it
   * says itself that this node cannot do what it asks for.
   */
  readonly severity: 'error' | 'unsupported' | 'warning'
}

/** What a schema alone can find. */
export type SchemaProblem = ObjectProblem & { readonly severity: 'error' | 'warning' }

/**
 * What a parser made of an object. `value` is undefined when a problem is an error, and also, without one, for a
 * correct object that has no meaning for a node (a headless Service).
 */
export interface Parsed<Value> {
  readonly value: Value | undefined
  readonly problems: readonly ObjectProblem[]
}

/** Collects what a parser finds beyond the reach of a schema: rules between fields. */
export class Findings {
  readonly #problems: ObjectProblem[]

  constructor(problems: readonly ObjectProblem[] = []) {
    this.#problems = [...problems]
  }

  error(path: ObjectPath, reason: string, remedy?: string): void {
    this.#add('error', path, reason, remedy)
  }

  warning(path: ObjectPath, reason: string, remedy?: string): void {
    this.#add('warning', path, reason, remedy)
  }

  /** For what is right as it is written, but not on this node, and must not be done without. */
  unsupported(path: ObjectPath, reason: string, remedy?: string): void {
    this.#add('unsupported', path, reason, remedy)
  }

  /** All of one severity, one sentence a field. */
  sentences(severity: ObjectProblem['severity']): readonly string[] {
    return this.#problems
      .filter((problem) => problem.severity === severity)
      .map(({ path, reason }) => `${formatPath(path)} ${reason}`)
  }

  /** Takes over the problems of a part that was parsed on its own. */
  include(prefix: ObjectPath, problems: readonly ObjectProblem[]): void {
    for (const problem of problems) this.#problems.push({ ...problem, path: [...prefix, ...problem.path] })
  }

  /** The result: `value()` is asked for only when no error was found. */
  conclude<Value>(value: () => Value | undefined): Parsed<Value> {
    const failed = this.#problems.some((problem) => problem.severity === 'error')
    return { value: failed ? undefined : value(), problems: this.#problems }
  }

  /** The result of an object that cannot be read, or that means nothing to a node. */
  withoutValue(): Parsed<never> {
    return { value: undefined, problems: this.#problems }
  }

  #add(
    severity: ObjectProblem['severity'],
    path: ObjectPath,
    reason: string,
    remedy: string | undefined,
  ): void {
    this.#problems.push({ path, reason, severity, ...(remedy === undefined ? {} : { remedy }) })
  }
}
