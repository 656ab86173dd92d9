import { formatProblem, type Problem } from '../../model/problem.ts'
import type { SourceUpdate } from '../../sources/source-update.ts'
import { complain } from '../process/complain.ts'

/** What is wrong with what the source says, with the Node and the host; each problem is said once, when it comes up. */
export class SourceProblems {
  #source: readonly Problem[] = []
  #host: readonly Problem[] = []
  #node: readonly Problem[] = []
  readonly #pods = new Set<string>()
  #said: ReadonlySet<string> = new Set()

  get current(): readonly Problem[] {
    return [...this.#host, ...this.#node, ...this.#source, ...[...this.#pods].map(ignoredPod)]
  }

  take({ changes, problems }: SourceUpdate): void {
    this.#source = problems
    for (const { kind, name, object } of changes) {
      if (kind !== 'Pod') continue
      if (object === undefined) this.#pods.delete(name)
      else this.#pods.add(name)
    }
    this.#say()
  }

  /** All that is wrong with the Node now. */
  takeNode(problems: readonly Problem[]): void {
    this.#node = problems
    this.#say()
  }

  /** All that the host does not allow now. */
  takeHost(problems: readonly Problem[]): void {
    this.#host = problems
    this.#say()
  }

  #say(): void {
    const lines = this.current.map((problem) => `${problem.severity}: ${formatProblem(problem)}`)
    for (const line of lines) if (!this.#said.has(line)) complain(line)
    this.#said = new Set(lines)
  }
}

const ignoredPod = (name: string): Problem => ({
  place: `Pod ${name}`,
  severity: 'warning',
  reason: 'hawser proxy runs no containers and makes no endpoints of pods',
  remedy: 'use hawser up, or write an EndpointSlice',
})
