import type { Reporter } from './reporter.ts'
import type { Snapshot } from './snapshot.ts'

/** For programs: one JSON object a line, `{"progress": …}` or `{"node": …}`, each node different from the one before. */
export class JsonReporter implements Reporter {
  readonly #write: (text: string) => void
  #last = ''
  #closed = false

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  say(text: string): void {
    this.#write(`${JSON.stringify({ progress: text })}\n`)
  }

  show(snapshot: Snapshot): void {
    if (this.#closed) return
    const text = JSON.stringify({ node: snapshot })
    if (text === this.#last) return
    this.#last = text
    this.#write(`${text}\n`)
  }

  close(): void {
    this.#closed = true
  }
}
