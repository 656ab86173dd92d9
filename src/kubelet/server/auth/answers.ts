/** How long an answer holds, in ms; 0 or less: it is asked again each time. */
export type TimeToLive<Answer> = (answer: Answer) => number

/**
 * Remembers answers for a while: at most `capacity` of them, of which the ones that nobody has asked for the longest go
 * first. The same question is under way once at a time, whoever asks. A question that fails is asked again by the next.
 */
export class Answers<Answer> {
  readonly #capacity: number
  readonly #timeToLive: TimeToLive<Answer>
  readonly #now: () => number
  readonly #known = new Map<string, { readonly answer: Answer; readonly until: number }>()
  readonly #asked = new Map<string, Promise<Answer>>()

  /** `now` in ms, of any clock that does not jump. */
  constructor(capacity: number, timeToLive: TimeToLive<Answer>, now = () => performance.now()) {
    this.#capacity = capacity
    this.#timeToLive = timeToLive
    this.#now = now
  }

  get size(): number {
    return this.#known.size
  }

  /** Rejects as `ask` does. */
  async get(question: string, ask: () => Promise<Answer>): Promise<Answer> {
    const known = this.#known.get(question)
    if (known !== undefined) {
      this.#known.delete(question)
      if (known.until > this.#now()) {
        this.#known.set(question, known)
        return known.answer
      }
    }
    const asked = this.#asked.get(question)
    if (asked !== undefined) return asked
    const asking = this.#ask(question, ask)
    this.#asked.set(question, asking)
    return asking
  }

  async #ask(question: string, ask: () => Promise<Answer>): Promise<Answer> {
    try {
      const answer = await ask()
      this.#remember(question, answer)
      return answer
    } finally {
      this.#asked.delete(question)
    }
  }

  #remember(question: string, answer: Answer): void {
    const timeToLive = this.#timeToLive(answer)
    if (timeToLive <= 0) return
    this.#known.set(question, { answer, until: this.#now() + timeToLive })
    const [oldest] = this.#known.keys()
    if (this.#known.size > this.#capacity && oldest !== undefined) this.#known.delete(oldest)
  }
}
