import type { Flag, FlagTable } from './flags.ts'

const width = 100

/** Flags by the title that they stand under. */
export type FlagGroups = Readonly<Record<string, FlagTable>>

/** Longer flags have their text on the next line, so that the others' is not pushed to the edge. */
const widest = 40

/** The help text of one command. */
export function commandHelp(command: {
  readonly usage: string
  readonly description: string
  readonly flags: FlagTable
  readonly groups?: FlagGroups
}): string {
  const lines = [`Usage: hawser ${command.usage}`, '', ...wrap(command.description, width), '']
  const groups = Object.entries(command.groups ?? { '': command.flags }).map(
    ([title, flags]) => [title, Object.entries(flags).map(flagRow)] as const,
  )
  groups.at(-1)?.[1].push(['  -h, --help', 'Print this text.'])
  const lengths = groups.flatMap(([, rows]) => rows.map(([left]) => left.length + 2))
  const column = Math.max(...lengths.filter((length) => command.groups === undefined || length <= widest))
  for (const [title, rows] of groups) {
    if (title !== '') lines.push(title)
    for (const row of rows) lines.push(...aligned(row, column))
    if (title !== '') lines.push('')
  }
  return `${lines.join('\n').trimEnd()}\n`
}

function aligned([left, right]: readonly [string, string], column: number): readonly string[] {
  const [first = '', ...rest] = wrap(right, width - column).map((line) => ' '.repeat(column) + line)
  return left.length < column ? [left + first.slice(left.length), ...rest] : [left, first, ...rest]
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
