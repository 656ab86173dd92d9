import { writeSync } from 'node:fs'
import type { Line, Size } from './render.ts'

/** Of xterm's control sequences, which every terminal of today has. */
const CONTROLS = {
  alternateScreen: '\u001b[?1049h',
  normalScreen: '\u001b[?1049l',
  hideCursor: '\u001b[?25l',
  showCursor: '\u001b[?25h',
  /** The terminal shows what comes between the two at once; others ignore it. */
  beginUpdate: '\u001b[?2026h',
  endUpdate: '\u001b[?2026l',
  clearLine: '\u001b[K',
  clearBelow: '\u001b[J',
  plain: '\u001b[0m',
} as const

const STYLES: Readonly<Record<Line['style'], string>> = {
  plain: '',
  heading: '\u001b[1m',
  selected: '\u001b[7m',
  alarm: '\u001b[31m',
}

/** Without colours (https://no-color.org) alarms are bold. */
const COLOURLESS_ALARM = '\u001b[1m'

type Output = NodeJS.WriteStream & { readonly fd: number }

/** A terminal in full-screen mode, which `leave` brings back to what it was, also when the process dies of an error. */
export class Screen {
  readonly #input: NodeJS.ReadStream
  readonly #output: Output
  #shown: readonly string[] = []
  #isOn = false

  constructor(input: NodeJS.ReadStream, output: Output) {
    this.#input = input
    this.#output = output
  }

  enter(): void {
    this.#isOn = true
    process.on('exit', this.leave)
    this.#output.on('resize', this.#resized)
    this.#input.setRawMode(true)
    this.#output.write(CONTROLS.alternateScreen + CONTROLS.hideCursor)
  }

  get size(): Size {
    return { columns: this.#output.columns ?? 80, rows: this.#output.rows ?? 24 }
  }

  /** Writes the lines that are not there yet. */
  draw(lines: readonly Line[]): void {
    if (!this.#isOn) return
    const written = lines.map(styled)
    const changed = written.flatMap((line, i) =>
      line === this.#shown[i] ? [] : [`\u001b[${i + 1};1H${line}${CONTROLS.clearLine}`],
    )
    const below =
      written.length < this.#shown.length ? `\u001b[${written.length + 1};1H${CONTROLS.clearBelow}` : ''
    this.#shown = written
    if (changed.length > 0 || below !== '')
      this.#output.write(CONTROLS.beginUpdate + changed.join('') + below + CONTROLS.endUpdate)
  }

  /** Idempotent, and done at once: a process that exits writes nothing later. */
  readonly leave = (): void => {
    if (!this.#isOn) return
    this.#isOn = false
    process.off('exit', this.leave)
    this.#output.off('resize', this.#resized)
    try {
      writeSync(this.#output.fd, CONTROLS.endUpdate + CONTROLS.showCursor + CONTROLS.normalScreen)
      this.#input.setRawMode(false)
    } catch {
      // The terminal is gone, and with it what there was to bring back.
    }
  }

  /** What a terminal of another size shows is anybody's guess. */
  readonly #resized = (): void => {
    this.#shown = []
    this.#output.write(`\u001b[1;1H${CONTROLS.clearBelow}`)
  }
}

function styled({ text, style }: Line): string {
  const on = style === 'alarm' && (process.env.NO_COLOR ?? '') !== '' ? COLOURLESS_ALARM : STYLES[style]
  return on === '' ? text : on + text + CONTROLS.plain
}
