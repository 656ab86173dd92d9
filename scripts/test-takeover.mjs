// npm run test:takeover -- --rounds 1000: clients of a node notice nothing when its proxy is restarted, killed, changed.
//
//   --rounds N    rounds to play, 30 by default
//   --seed N      the same rounds again; a failure names its seed
//   --only KIND   only kinds of rounds whose name contains this, such as `kill -9`
//
// It needs root, a build, and the programs of test/cluster.
import { parseArgs } from 'node:util'
import { buildEverything } from './build/everything.mjs'
import { Failure, runMain } from './setup/failure.mjs'
import { checkPlatform } from './setup/machine.mjs'
import { searchPath } from './setup/search-path.mjs'
import { playRounds } from './test/takeover-tier.mjs'
import { formatTally } from './test/tally.mjs'

await runMain(async () => {
  checkPlatform()
  process.env.PATH = searchPath().join(':')
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '30' },
      seed: { type: 'string' },
      only: { type: 'string' },
    },
  })
  for (const [flag, value] of Object.entries({ rounds: values.rounds, seed: values.seed ?? '0' })) {
    if (!/^\d+$/.test(value))
      throw new Failure('HAWSER_BAD_NUMBER', `--${flag} must be a whole number, not ${value}`, {
        remedy: 'npm run test:takeover -- --rounds 1000',
      })
  }
  await buildEverything()
  const tally = await playRounds({ ...values, rounds: Number(values.rounds) }, [])
  process.stdout.write(`\n${formatTally(tally)}\n`)
  process.exitCode = tally.failed > 0 || tally.passed === 0 ? 1 : 0
})
