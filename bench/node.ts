import { count, parseFlags, sharedFlags, sharedFlagsHelp } from './flags.ts'
import { describeHost } from './host.ts'
import { contestNodes } from './node/contest.ts'
import { nodeFigures } from './node/figures.ts'
import { findKubelet } from './node/peer.ts'
import { startContestants } from './node/surroundings.ts'
import { deliver } from './report.ts'
import { runSuite } from './suite.ts'

const help = `hawser bench node: a node of a real cluster, from the scheduler's word to the pod that runs

  --starts N              single starts of each side, after one that only warms up (default 12)
  --batch N               pods at once (default 50)
  --batch-rounds N        how often; an odd number has a median (default 3)
  --idle-pods N           pods that run while nothing happens (default 30)
  --idle-seconds N        for how long (default 60)
  --peer kubelet[=PATH]   also a real kubelet on a machine of its own; without PATH (or with kubelet=built) the one that
                          test/cluster/binaries.sh has built
${sharedFlagsHelp}`

const flags = {
  starts: { type: 'string' },
  batch: { type: 'string' },
  'batch-rounds': { type: 'string' },
  'idle-pods': { type: 'string' },
  'idle-seconds': { type: 'string' },
  peer: { type: 'string' },
  ...sharedFlags,
} as const

/** Entry point of `hawser bench node`; resolves to the exit status. */
export const run = (args: readonly string[]): Promise<number> =>
  runSuite(args, help, async (teardown) => {
    const values = parseFlags(args, flags)
    const sizes = {
      starts: count('starts', values.starts, 12),
      batch: count('batch', values.batch, 50),
      batchRounds: count('batch-rounds', values['batch-rounds'], 3),
      idlePods: count('idle-pods', values['idle-pods'], 30),
      idleSeconds: count('idle-seconds', values['idle-seconds'], 60),
    }
    const peer = await findKubelet(values.peer)
    const host = describeHost()
    const contest = await contestNodes(await startContestants(peer, teardown), sizes)
    const { starts, batch, batchRounds, idlePods, idleSeconds } = sizes
    return deliver(
      {
        suite: 'node',
        parameters: {
          ...{ starts, batch, batch_rounds: batchRounds },
          ...{ idle_pods: idlePods, idle_seconds: idleSeconds },
        },
        figures: nodeFigures(contest, batch),
        host,
      },
      { jsonFile: values.json, check: values.check ?? false },
    )
  })
