import { type EventReport, objectKey } from './event-series.ts'

/** So many at once, and so many a second after that. */
export interface EventPace {
  readonly burst: number
  readonly perSecond: number
}

/** Objects that are remembered (client-go: 4,096); one that is forgotten may say as much again. */
const MAX_OBJECTS = 4096

/** Keeps one object from saying so much that the others are not heard: client-go's spam filter. */
export class EventAllowance {
  readonly #pace: EventPace
  /** Oldest use first. Times are in ms. */
  readonly #left = new Map<string, { readonly reports: number; readonly at: number }>()

  constructor(pace: EventPace) {
    this.#pace = pace
  }

  /** True when the object may say this, too. */
  take(report: EventReport, now: number): boolean {
    const { burst, perSecond } = this.#pace
    const key = objectKey(report)
    const { reports, at } = this.#left.get(key) ?? { reports: burst, at: now }
    const left = Math.min(burst, reports + ((now - at) / 1000) * perSecond)
    const allowed = left >= 1
    this.#left.delete(key)
    this.#left.set(key, { reports: allowed ? left - 1 : left, at: now })
    const [oldest] = this.#left.keys()
    if (this.#left.size > MAX_OBJECTS && oldest !== undefined) this.#left.delete(oldest)
    return allowed
  }
}
