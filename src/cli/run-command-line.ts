import { CommandError, exitCodes, usageError } from './command-error.ts'
import { commands } from './commands.ts'

/** Runs `hawser ARGS…`; resolves to the exit status, with every expected failure said in one line on stderr. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    const [first] = args
    if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
      const stream = first === undefined ? process.stderr : process.stdout
      stream.write(overview())
      return first === undefined ? exitCodes.usage : exitCodes.ok
    }
    if (first === '--version') return await runCommandLine(['version'])
    const words = [args.slice(0, 2).join(' '), first].find((name) => commands.has(name)) ?? ''
    const entry = commands.get(words)
    if (entry === undefined) throw unknownCommand(args)
    const command = await entry.load()
    return await command.run(args.slice(words.split(' ').length))
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    const remedy = error.remedy === undefined ? '' : ` (${error.remedy})`
    process.stderr.write(`hawser: ${error.message}${remedy}\n`)
    return error.exitCode
  }
}

function unknownCommand([first = '', second]: readonly string[]): CommandError {
  const group = [...commands.keys()].filter((name) => name.startsWith(`${first} `))
  if (group.length > 0)
    return usageError(
      second === undefined || second.startsWith('-')
        ? `${first} needs to be told what to do`
        : `there is no command ${first} ${second}`,
      `hawser ${group.join(', hawser ')}`,
    )
  return usageError(`there is no command ${first}`, `commands: ${[...commands.keys()].join(', ')}`)
}

function overview(): string {
  const column = Math.max(...[...commands.keys()].map((name) => name.length)) + 2
  const lines = [...commands].map(([name, { summary }]) => `  ${name.padEnd(column)}${summary}`)
  return [
    'Hawser, a Kubernetes node: pods on containerd, Services in the kernel',
    '',
    'Usage: hawser COMMAND [flags]',
    '',
    ...lines,
    '',
    'hawser COMMAND --help says more.',
    '',
  ].join('\n')
}
