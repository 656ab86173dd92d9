/** Waiting times that double from `firstMs` up to `maxMs`. */
export interface Backoff {
  readonly firstMs: number
  readonly maxMs: number
}

/** How long to wait after `failures` failures in a row (1 or more), in ms. */
export const backoffDelay = (backoff: Backoff, failures: number): number =>
  Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.max(0, failures - 1))
