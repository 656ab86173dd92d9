/** The time from one look to the next: what is broken is mended within two seconds. */
export const PULSE_MS = 1000

/** Looks again and again, and tells when a look has found something. */
export class Pulse {
  readonly #look: () => Promise<readonly string[]>
  readonly #intervalMs: number
  #timer: NodeJS.Timeout | undefined
  #wake: () => void = () => undefined
  #closed = false

  /** `look` resolves with what it found; one that fails is one that found nothing. */
  constructor(look: () => Promise<readonly string[]>, intervalMs: number) {
    this.#look = look
    this.#intervalMs = intervalMs
  }

  /** Resolves with what was found, as soon as anything was; with undefined once closed. One call at a time. */
  async next(): Promise<readonly string[] | undefined> {
    for (;;) {
      await this.#pause()
      if (this.#closed) return undefined
      const found = await this.#look().catch(() => [])
      if (found.length > 0) return found
    }
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#wake()
  }

  #pause(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wake = resolve
      this.#timer = setTimeout(resolve, this.#intervalMs)
      this.#timer.unref()
    })
  }
}
