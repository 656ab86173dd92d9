import type { Problem } from '../../model/problem.ts'
import { formatPath } from '../objects/object-path.ts'
import type { Parsed } from '../objects/parsed.ts'

/**
 * What is wrong with objects of the API server, by object. Warnings are left out: they tell the author of a file what
 * this node ignores, and objects of a cluster are written for every node. Pods carry them themselves.
 */
export class ObjectProblems {
  readonly #problems = new Map<string, readonly Problem[]>()
  readonly #onChange: () => void

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** The value to keep of an object: what was parsed, or `before` when that is wrong. */
  settle<Value>(
    place: string,
    { value, problems }: Parsed<Value>,
    before: Value | undefined,
    pod?: Problem['pod'],
  ): Value | undefined {
    const errors = problems.filter((problem) => problem.severity === 'error')
    if (errors.length === 0) {
      this.forget(place)
      return value
    }
    const remedy = before === undefined ? 'it is left out' : 'the last good state stays in force'
    this.#problems.set(
      place,
      errors.map((error) => ({
        place,
        reason: error.path.length === 0 ? error.reason : `${formatPath(error.path)} ${error.reason}`,
        remedy: error.remedy ?? remedy,
        severity: 'error',
        ...(pod === undefined ? {} : { pod }),
      })),
    )
    this.#onChange()
    return before
  }

  forget(place: string): void {
    if (this.#problems.delete(place)) this.#onChange()
  }

  get all(): readonly Problem[] {
    return [...this.#problems.values()].flat()
  }
}
