/**
 * Something that set-up, a build or the test runner met and cannot mend itself. It is printed as its message, what the
 * failed program wrote, and what to do; never with a stack.
 */
export class Failure extends Error {
  /**
   * @param {string} code stable, `HAWSER_…`
   * @param {string} message what was being done to what, and what went wrong
   * @param {{remedy?: string | undefined, output?: string | undefined}} [detail] what to do about it, and what the failed program wrote
   */
  constructor(code, message, { remedy, output } = {}) {
    super(message)
    this.name = 'Failure'
    this.code = code
    this.remedy = remedy
    this.output = output
  }
}

/** Runs a script's main function; a Failure becomes readable text and exit status 1. */
export async function runMain(main) {
  try {
    await main()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    printFailure(error)
    process.exitCode = 1
  }
}

/** @param {Failure} failure */
export function printFailure(failure) {
  const lines = []
  if (failure.output) lines.push(failure.output.trimEnd(), '')
  lines.push(`error: ${failure.message} [${failure.code}]`)
  if (failure.remedy) lines.push(`  ${failure.remedy}`)
  process.stderr.write(`${lines.join('\n')}\n`)
}
