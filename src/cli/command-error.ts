/** Exit statuses of every command. */
export const exitCodes = { ok: 0, failure: 1, usage: 2 } as const

/** A failure that a command ends with, in one line: what was being done, why it failed, and what to do about it. */
export class CommandError extends Error {
  readonly code: string
  readonly remedy: string | undefined
  readonly exitCode: number

  constructor(
    code: string,
    message: string,
    options: { remedy?: string; cause?: unknown; exitCode?: number } = {},
  ) {
    super(message, { cause: options.cause })
    this.name = 'CommandError'
    this.code = code
    this.remedy = options.remedy
    this.exitCode = options.exitCode ?? exitCodes.failure
  }
}

/** A wrong command line. */
export const usageError = (message: string, remedy: string): CommandError =>
  new CommandError('USAGE', message, { remedy, exitCode: exitCodes.usage })
