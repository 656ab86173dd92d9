import { renderSnapshot } from './render-snapshot.ts'
import type { Reporter } from './reporter.ts'
import type { Snapshot } from './snapshot.ts'

/** As much of a terminal as is written to. */
export interface Terminal {
  readonly columns: number
  readonly rows: number
  write(text: string): unknown
}

/** Faster than the eye follows, and slow enough that a storm of changes costs nothing. */
const redrawMs = 100

/** Keeps the table at the bottom of a terminal and redraws it in place; lines that are said scroll above it. */
export class TerminalReporter implements Reporter {
  readonly #terminal: Terminal
  #table: readonly string[] = []
  /** Lines of the table on the screen now. */
  #drawn = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  say(text: string): void {
    this.#draw(`${text}\n`)
  }

  show(snapshot: Snapshot): void {
    if (this.#closed) return
    const table = renderSnapshot(snapshot)
    if (table.join('\n') === this.#table.join('\n')) return
    this.#table = table
    this.#timer ??= setTimeout(() => this.#draw(''), redrawMs)
  }

  close(): void {
    this.#closed = true
    this.#draw('')
    this.#drawn = 0
    this.#table = []
  }

  /** One write for all of it, so that nothing flickers. */
  #draw(above: string): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // ECMA-48: cursor to the start of the line N above, erase to the end of the screen.
    const erase = this.#drawn === 0 ? '' : `\x1b[${this.#drawn}F\x1b[J`
    const visible = this.#fit(this.#table)
    this.#terminal.write(erase + above + visible.map((line) => `${line}\n`).join(''))
    this.#drawn = visible.length
  }

  /** A line that wraps, or a table higher than the screen, could not be erased again. */
  #fit(lines: readonly string[]): readonly string[] {
    const { columns, rows } = this.#terminal
    const room = Math.max(rows - 1, 1)
    const shown =
      lines.length <= room ? lines : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more lines`]
    return shown.map((line) => (line.length <= columns ? line : `${line.slice(0, columns - 1)}…`))
  }
}
