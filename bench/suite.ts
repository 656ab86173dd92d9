import { BenchError } from './error.ts'
import { type Teardown, withTeardown } from './teardown.ts'

/**
 * What every suite does around its measuring: `--help` before anything else, one clear line for an expected failure,
 * and everything made on the machine undone. Resolves to the exit status: 2 for a wrong command line.
 */
export async function runSuite(
  args: readonly string[],
  help: string,
  body: (teardown: Teardown) => Promise<number>,
): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(help)
    return 0
  }
  try {
    return await withTeardown(body)
  } catch (error) {
    if (!(error instanceof BenchError)) throw error
    process.stderr.write(`hawser bench: ${error.message}\n`)
    return error.code === 'BENCH_USAGE' ? 2 : 1
  }
}
