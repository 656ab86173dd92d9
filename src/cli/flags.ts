import { parseArgs } from 'node:util'
import { usageError } from './command-error.ts'

/** One flag of a command; its name is its key in the command's table. */
export interface Flag<Value> {
  readonly help: string
  /** What stands for the value in help texts (`DIR`); undefined for a flag without one. */
  readonly metavar: string | undefined
  readonly short: string | undefined
  readonly fallback: Value
  /** The default in words, empty where there is nothing to say. */
  readonly shownDefault: string
  /** Undefined when the text is no value of this flag. */
  readonly parse: (text: string) => Value | undefined
  /** What a value has to be, behind "must be". */
  readonly must: string
}

export type FlagTable = Readonly<Record<string, Flag<unknown>>>

export type FlagValues<Table extends FlagTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Flag<infer Value> ? Value : never
}

/** A flag that is there or not. */
export const toggle = (help: string, short?: string): Flag<boolean> => ({
  help,
  short,
  metavar: undefined,
  fallback: false,
  shownDefault: '',
  parse: () => true,
  must: '',
})

/** A flag with a value. */
export const value = <Value>(options: {
  readonly metavar: string
  readonly help: string
  readonly parse: (text: string) => Value | undefined
  readonly must: string
  readonly fallback: Value
  readonly shownDefault?: string
  readonly short?: string
}): Flag<Value> => ({ shownDefault: '', short: undefined, ...options })

/** A number from 1. */
export const positive = (text: string): number | undefined =>
  /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined

/** Any text but the empty one. */
export const nonEmpty = (text: string): string | undefined => (text === '' ? undefined : text)

export interface ParsedArguments<Table extends FlagTable> {
  readonly flags: FlagValues<Table>
  readonly operands: readonly string[]
}

export type CommandLine<Table extends FlagTable> =
  | ({ readonly kind: 'run' } & ParsedArguments<Table>)
  | { readonly kind: 'help' }

/** Reads a command's arguments. `--help` wins over anything else. Throws a usage error that names the flag. */
export function parseFlags<Table extends FlagTable>(
  table: Table,
  args: readonly string[],
): CommandLine<Table> {
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(table).map(([name, { metavar, short }]) => [
        name,
        {
          type: metavar === undefined ? 'boolean' : 'string',
          ...(short === undefined ? {} : { short }),
        } as const,
      ]),
    ),
    allowPositionals: true,
    // Its own complaints name neither remedy nor neighbours.
    strict: false,
    tokens: true,
  })
  if (tokens.some((token) => token.kind === 'option' && ['--help', '-h'].includes(token.rawName)))
    return { kind: 'help' }
  const found = new Map<string, unknown>(Object.entries(table).map(([name, flag]) => [name, flag.fallback]))
  const operands: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value)
    else if (token.kind === 'option')
      found.set(token.name, readFlag(table, token.name, token.rawName, token.value))
  }
  return { kind: 'run', flags: valuesOf(table, found), operands }
}

function readFlag(table: FlagTable, name: string, written: string, text: string | undefined): unknown {
  const flag = Object.hasOwn(table, name) ? table[name] : undefined
  if (flag === undefined) throw usageError(`there is no flag ${written}`, suggestion(table, name))
  if (flag.metavar === undefined) {
    if (text === undefined) return true
    if (text === 'true' || text === 'false') return text === 'true'
    throw usageError(`${written} takes no value, not "${text}"`, `write ${written} alone`)
  }
  // `--once` behind a flag that wants a value is a forgotten value rather than one.
  if (text === undefined || text.startsWith('--'))
    throw usageError(`${written} needs a value`, `write ${written} ${flag.metavar}`)
  const parsed = flag.parse(text)
  if (parsed === undefined) throw usageError(`${written} must be ${flag.must}, not "${text}"`, 'see --help')
  return parsed
}

function suggestion(table: FlagTable, name: string): string {
  const near = Object.keys(table).find((known) => known.startsWith(name) || name.startsWith(known))
  return near === undefined ? 'see --help' : `did you mean --${near}?`
}

/** The table's type says which value each name has; the map was filled by that very table. */
const valuesOf = <Table extends FlagTable>(
  _: Table,
  found: ReadonlyMap<string, unknown>,
): FlagValues<Table> => Object.fromEntries(found) as FlagValues<Table>
