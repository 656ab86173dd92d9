import { CommandError } from '../src/cli/command-error.ts'
import { parseFlags, positive, toggle, value } from '../src/cli/flags.ts'
import { runCluster } from './run-cluster.ts'

const FLAGS = {
  once: toggle('Check that all of it works, take it down, exit.'),
  timeout: value({
    metavar: 'SECONDS',
    help: 'How long the example may take to become ready, and at most each check.',
    fallback: 120,
    parse: positive,
    must: 'a whole number of seconds',
  }),
}

const HELP = `Usage: npm run cluster -- [flags]

Starts a Kubernetes control plane and a Hawser node in network namespaces of their own, and deploys examples/hello on
it with kubectl. The API server and the example answer on this machine's loopback. Ctrl-C takes everything down.

      --once             Check that all of it works, take it down, exit.
      --timeout SECONDS  How long the example may take to become ready, and at most each check. Default: 120.
  -h, --help             Print this text.
`

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseFlags(FLAGS, args)
  if (parsed.kind === 'help') {
    process.stdout.write(HELP)
    return 0
  }
  return runCluster({ once: parsed.flags.once, timeoutMs: parsed.flags.timeout * 1000 })
}

// Whoever reads may go before the last line (`| head`); what is under way ends orderly all the same.
process.stdout.on('error', () => undefined)
try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof CommandError)) throw error
  process.stderr.write(`cluster: ${error.message}${error.remedy === undefined ? '' : ` (${error.remedy})`}\n`)
  process.exitCode = error.exitCode
}
