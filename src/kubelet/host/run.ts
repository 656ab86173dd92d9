import { execFile } from 'node:child_process'

/** A program that could not be run, or that said no. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  /** `COMMAND_MISSING`: there is no such program. */
  readonly code: 'COMMAND_MISSING' | 'COMMAND_FAILED'
  readonly stderr: string

  constructor(code: CommandError['code'], message: string, stderr: string) {
    super(message)
    this.code = code
    this.stderr = stderr
  }
}

/** Runs a program to its end and returns what it printed. Throws a {@link CommandError} unless it exits with 0. */
export function run(program: string, args: readonly string[], timeoutMs = 60_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: timeoutMs, maxBuffer: 16 << 20 }
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const missing = error.code === 'ENOENT'
      const said = stderr.trim() === '' ? error.message : stderr.trim()
      const message = missing ? `${program}: not installed` : `${program} ${args.join(' ')}: ${said}`
      reject(new CommandError(missing ? 'COMMAND_MISSING' : 'COMMAND_FAILED', message, stderr))
    })
  })
}
