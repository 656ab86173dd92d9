/** Time as a value that tests can hold in their hands. */
export interface Clock {
  /** ms since the epoch. */
  now(): number
  /** Calls back once it is `time` (ms since the epoch) or later; returns what calls it off. */
  at(time: number, callback: () => void): () => void
}

/** setTimeout fires at once beyond this. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: Date.now,
  at(time, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, time - Date.now()), MAX_TIMEOUT_MS))
    return () => clearTimeout(timer)
  },
}
