import { basename } from 'node:path'
import { count, parseFlags, sharedFlags, sharedFlagsHelp } from './flags.ts'
import { describeHost } from './host.ts'
import { BareCri } from './pods/bare-cri.ts'
import { contestPods } from './pods/contest.ts'
import { podFigures } from './pods/figures.ts'
import { startRuntime } from './pods/runtime.ts'
import { ThroughHawser } from './pods/through-hawser.ts'
import { deliver } from './report.ts'
import { runSuite } from './suite.ts'

const help = `hawser bench pods: pod starts through Hawser, beside bare CRI calls to the same containerd

  --pods N             pods started at once (default 20)
  --starts N           single starts of each side, after one that only warms up (default 10)
  --parallel-rounds N  times that N pods are started at once, after one that only warms up (default 5)
${sharedFlagsHelp}`

const flags = {
  pods: { type: 'string' },
  starts: { type: 'string' },
  'parallel-rounds': { type: 'string' },
  ...sharedFlags,
} as const

/** Entry point of `hawser bench pods`; resolves to the exit status. */
export const run = (args: readonly string[]): Promise<number> =>
  runSuite(args, help, async (teardown) => {
    const values = parseFlags(args, flags)
    const sizes = {
      pods: count('pods', values.pods, 20),
      starts: count('starts', values.starts, 10),
      parallelRounds: count('parallel-rounds', values['parallel-rounds'], 5),
    }
    const host = describeHost()
    const { endpoint, folder } = await startRuntime(teardown)
    const hawser = await ThroughHawser.open(endpoint, `${folder}/hawser`)
    teardown.add(() => hawser.close())
    const cgroupRoot = `/${basename(folder)}`
    const floor = new BareCri(endpoint, { stateDir: `${folder}/floor`, cgroupRoot })
    teardown.add(() => floor.close())
    const contest = await contestPods(hawser, floor, sizes)
    const rssMib = process.memoryUsage.rss() / 2 ** 20
    return deliver(
      {
        suite: 'pods',
        parameters: { pods: sizes.pods, starts: sizes.starts, parallel_rounds: sizes.parallelRounds },
        figures: podFigures(contest, sizes.pods, rssMib),
        host,
      },
      { jsonFile: values.json, check: values.check ?? false },
    )
  })
