import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChild } from './child.ts'
import { BenchError } from './error.ts'
import { count, parseFlags, sharedFlags, sharedFlagsHelp } from './flags.ts'
import { describeHost } from './host.ts'
import { maxEndpoints, maxServices } from './model.ts'
import { freshNetns } from './netns.ts'
import type { DriveInput } from './programming/drive.ts'
import { programmingFigures, type Round } from './programming/figures.ts'
import type { FloorInput } from './programming/floor.ts'
import type { Floor, LoadSizes, Measured } from './programming/load.ts'
import type { Recorded, RecorderInput } from './programming/recorder.ts'
import { deliver } from './report.ts'
import { runSuite } from './suite.ts'
import type { Teardown } from './teardown.ts'

const help = `hawser bench programming: how long Services take into the kernel, beside the kernel's own part

  --backend NAME   nftables, the only one so far (default nftables)
  --services N     Services with one TCP port each (default 10000)
  --endpoints N    ready endpoints of each Service (default 5)
  --changes N      single-endpoint changes counted (default 200)
  --warm-up N      single-endpoint changes before them that are not counted (default 10000)
  --compare N      also measure changes at N Services, in turns: a change should cost the same at any size
  --rounds N       measured process and floor in turns, each new; figures are medians (default 5)
${sharedFlagsHelp}`

const flags = {
  backend: { type: 'string', default: 'nftables' },
  services: { type: 'string' },
  endpoints: { type: 'string' },
  changes: { type: 'string' },
  'warm-up': { type: 'string' },
  compare: { type: 'string' },
  rounds: { type: 'string' },
  ...sharedFlags,
} as const

/** Entry point of `hawser bench programming`; resolves to the exit status. */
export const run = (args: readonly string[]): Promise<number> =>
  runSuite(args, help, async (teardown) => {
    const values = parseFlags(args, flags)
    if (values.backend !== 'nftables')
      throw new BenchError('BENCH_USAGE', `--backend knows nftables, not "${values.backend}"`)
    const sizes = checkedSizes({
      services: count('services', values.services, 10_000),
      endpoints: count('endpoints', values.endpoints, 5),
      changes: count('changes', values.changes, 200),
      warmUp: count('warm-up', values['warm-up'], 10_000, 0),
    })
    const compared =
      values.compare === undefined
        ? undefined
        : checkedSizes({ ...sizes, services: count('compare', values.compare, 1) })
    const host = describeHost()
    const rounds = await measure({ sizes, compared, rounds: count('rounds', values.rounds, 5) }, teardown)
    return deliver(
      {
        suite: 'programming',
        parameters: {
          backend: values.backend,
          services: sizes.services,
          endpoints: sizes.endpoints,
          changes: sizes.changes,
          warm_up: sizes.warmUp,
          rounds: rounds.length,
          ...(compared === undefined ? {} : { compare_services: compared.services }),
        },
        figures: programmingFigures(rounds, sizes.services),
        host,
      },
      { jsonFile: values.json, check: values.check ?? false },
    )
  })

function checkedSizes(sizes: LoadSizes): LoadSizes {
  if (sizes.services > maxServices)
    throw new BenchError('BENCH_USAGE', `--services has room for ${maxServices}, not ${sizes.services}`)
  const most = maxEndpoints(sizes.services)
  if (sizes.endpoints > most)
    throw new BenchError('BENCH_USAGE', `--endpoints has room for ${most} at ${sizes.services} Services`)
  return sizes
}

interface Plan {
  readonly sizes: LoadSizes
  /** The same load on a cluster of another size, for comparison. */
  readonly compared: LoadSizes | undefined
  readonly rounds: number
}

async function measure({ sizes, compared, rounds }: Plan, teardown: Teardown): Promise<Round[]> {
  const folder = mkdtempSync(join(tmpdir(), 'hw-bench-'))
  teardown.add(() => rm(folder, { recursive: true, force: true }))
  const recording = join(folder, 'transactions')
  const recorded = (await runInFreshNetns('recorder.js', { ...sizes, recording }, teardown)) as Recorded
  const results: Round[] = []
  for (let round = 0; round < rounds; round++) {
    const measured = (await runInFreshNetns('measured.js', sizes, teardown)) as Measured
    const floor = (await runInFreshNetns('floor.js', { recording, ...recorded }, teardown)) as Floor
    const other =
      compared && ((await runInFreshNetns('measured.js', compared, teardown)) as Measured | undefined)
    results.push({ measured, floor, compared: other })
  }
  return results
}

/** Runs one of the processes of `programming/` against a namespace that goes when it ends. */
async function runInFreshNetns(
  module: string,
  input: Omit<DriveInput | RecorderInput | FloorInput, 'netns'>,
  teardown: Teardown,
): Promise<unknown> {
  const netns = await freshNetns(teardown)
  const url = new URL(`./programming/${module}`, import.meta.url)
  const printed = await runChild(url, { input: { ...input, netns: netns.path } }, teardown)
  await netns.remove()
  return printed
}
