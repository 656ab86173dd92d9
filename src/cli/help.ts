import type { Flag, FlagTable } from './flags.ts'

const width = 100

/** The help text of one command. */
export function commandHelp(command: {
  readonly usage: string
  readonly description: string
  readonly flags: FlagTable
}): string {
  const lines = [`Usage: hawser ${command.usage}`, '', ...wrap(command.description, width), '']
  const rows = [...Object.entries(command.flags).map(flagRow), ['  -h, --help', 'Print this text.'] as const]
  const column = Math.max(...rows.map(([left]) => left.length)) + 2
  for (const [left, right] of rows) {
    const [first = '', ...rest] = wrap(right, width - column)
    lines.push(left.padEnd(column) + first, ...rest.map((line) => ' '.repeat(column) + line))
  }
  return `${lines.join('\n')}\n`
}

function flagRow([name, flag]: readonly [string, Flag<unknown>]): readonly [string, string] {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `
  const metavar = flag.metavar === undefined ? '' : ` ${flag.metavar}`
  const shown = flag.shownDefault === '' ? '' : ` Default: ${flag.shownDefault}.`
  return [`  ${short}--${name}${metavar}`, `${flag.help}${shown}`]
}

function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  for (const paragraph of text.split('\n')) {
    let line = ''
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > columns) {
        lines.push(line)
        line = word
      } else line = line === '' ? word : `${line} ${word}`
    }
    lines.push(line)
  }
  return lines
}
