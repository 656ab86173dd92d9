import type { ObjectName } from '../../model/object-name.ts'
import type { Problem } from '../../model/problem.ts'
import { type Frontend, type FrontendChange, type FrontendKey, sameFrontend } from './frontend.ts'

/**
 * The frontends of one family and who holds each. Several Services may claim the same one; the Service whose name
 * sorts first holds it, whatever the order of events, so that every node and every restart decides alike.
 */
export class Claims {
  readonly #held = new Map<FrontendKey, Frontend>()
  /** The claims that came second, of the few frontends that are contested. */
  readonly #waiting = new Map<FrontendKey, Frontend[]>()

  get held(): ReadonlyMap<FrontendKey, Frontend> {
    return this.#held
  }

  /** Claims a frontend, or renews the Service's own claim to it. Returns the change of who or what is in force. */
  claim(frontend: Frontend): FrontendChange | undefined {
    const holder = this.#held.get(frontend.key)
    if (holder?.service === frontend.service) {
      return sameFrontend(holder, frontend) ? undefined : this.#hold(frontend)
    }
    if (holder === undefined) return this.#hold(frontend)
    if (frontend.service < holder.service) {
      this.#withdraw(frontend.key, frontend.service)
      this.#wait(holder)
      return this.#hold(frontend)
    }
    this.#withdraw(frontend.key, frontend.service)
    this.#wait(frontend)
    return undefined
  }

  /** Gives a claim up; the next in order takes over. Releasing what was never claimed is no error. */
  release(frontend: Frontend): FrontendChange | undefined {
    const { key, family } = frontend
    if (this.#held.get(key)?.service !== frontend.service) {
      this.#withdraw(key, frontend.service)
      return undefined
    }
    const [next] = this.#waiting.get(key) ?? []
    if (next !== undefined) {
      this.#withdraw(key, next.service)
      return this.#hold(next)
    }
    this.#held.delete(key)
    return { key, family, frontend: undefined }
  }

  /** One Problem a claim that is not in force, in the order of the frontends. */
  problems(): Problem[] {
    return [...this.#waiting.keys()].sort().flatMap((key) =>
      (this.#waiting.get(key) ?? []).map((claim) => ({
        place: `Service ${claim.service}`,
        severity: 'error' as const,
        reason: `${describe(claim)} is already held by Service ${this.#held.get(key)?.service}`,
        remedy: 'give one of the two Services another address or port',
      })),
    )
  }

  #hold(frontend: Frontend): FrontendChange {
    this.#held.set(frontend.key, frontend)
    return { key: frontend.key, family: frontend.family, frontend }
  }

  #wait(frontend: Frontend): void {
    const waiting = [...(this.#waiting.get(frontend.key) ?? []), frontend]
    this.#waiting.set(
      frontend.key,
      waiting.sort((a, b) => (a.service < b.service ? -1 : 1)),
    )
  }

  #withdraw(key: FrontendKey, service: ObjectName): void {
    const waiting = this.#waiting.get(key)?.filter((frontend) => frontend.service !== service)
    if (waiting === undefined) return
    if (waiting.length === 0) this.#waiting.delete(key)
    else this.#waiting.set(key, waiting)
  }
}

const describe = (frontend: Frontend): string =>
  frontend.address === undefined
    ? `node port ${frontend.port}/${frontend.protocol}`
    : `${frontend.address} port ${frontend.port}/${frontend.protocol}`
