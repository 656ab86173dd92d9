import type { Command } from './command.ts'
import { exitCodes, usageError } from './command-error.ts'

interface Suite {
  run(args: readonly string[]): Promise<number>
}

/** The suites are programs of their own in bench/, with flags and help texts of their own. */
const suites = ['programming', 'datapath', 'pods', 'netlink', 'conntrack', 'cluster', 'node']

export const command: Command = {
  async run([suite, ...args]) {
    if (suite === '--help' || suite === '-h') {
      process.stdout.write(
        `Usage: hawser bench SUITE [flags]\n\nSuites: ${suites.join(', ')}. hawser bench SUITE --help says more.\n`,
      )
      return exitCodes.ok
    }
    if (suite === undefined) throw usageError('bench needs a suite', `suites: ${suites.join(', ')}`)
    if (!suites.includes(suite))
      throw usageError(`there is no suite ${suite}`, `suites: ${suites.join(', ')}`)
    return (await load(suite)).run(args)
  },
}

/** Compiled or not, the suite has this module's own extension. */
async function load(suite: string): Promise<Suite> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const module: unknown = await import(new URL(`../../bench/${suite}.${extension}`, import.meta.url).href)
  if (isSuite(module)) return module
  throw new Error(`bench/${suite} exports no run function`)
}

const isSuite = (module: unknown): module is Suite =>
  typeof module === 'object' && module !== null && 'run' in module && typeof module.run === 'function'
