import { type FlagTable, type ParsedArguments, parseFlags } from './flags.ts'
import { commandHelp, type FlagGroups } from './help.ts'

/** What a command's module exports as `command`. */
export interface Command {
  /** Takes the arguments behind the command's name; resolves to the exit status. */
  run(args: readonly string[]): Promise<number>
}

/** A command with flags: `--help` and wrong flags are dealt with before `run` is called. */
export const defineCommand = <Table extends FlagTable>(command: {
  /** `up DIR [flags]`. */
  readonly usage: string
  readonly description: string
  readonly flags: Table
  /** Titles, and the flags below each, where a list of all would be too long to read. */
  readonly groups?: FlagGroups
  readonly run: (parsed: ParsedArguments<Table>) => Promise<number>
}): Command => ({
  async run(args) {
    const parsed = parseFlags(command.flags, args)
    if (parsed.kind === 'run') return command.run(parsed)
    process.stdout.write(commandHelp(command))
    return 0
  },
})
