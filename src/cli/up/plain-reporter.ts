import { renderSnapshot } from './render-snapshot.ts'
import type { Reporter } from './reporter.ts'
import type { Snapshot } from './snapshot.ts'

/** A table is printed when it has stood for this long: pods that start together are one change to a reader. */
const quietMs = 300

/** For pipes and files: prints the table whenever it has changed. */
export class PlainReporter implements Reporter {
  readonly #write: (text: string) => void
  #pending: string | undefined
  #printed = ''
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  say(text: string): void {
    this.#write(`${text}\n`)
  }

  show(snapshot: Snapshot): void {
    if (this.#closed) return
    this.#pending = `\n${renderSnapshot(snapshot).join('\n')}\n\n`
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#flush(), quietMs)
  }

  close(): void {
    this.#closed = true
    this.#flush()
  }

  #flush(): void {
    clearTimeout(this.#timer)
    if (this.#pending === undefined || this.#pending === this.#printed) return
    this.#write(this.#pending)
    this.#printed = this.#pending
    this.#pending = undefined
  }
}
