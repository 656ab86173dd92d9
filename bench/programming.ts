import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROXY_MODES } from '../src/dataplane/proxy-modes.ts'
import { runChild } from './child.ts'
import { BenchError } from './error.ts'
import { count, counts, parseFlags, proxyMode, sharedFlags, sharedFlagsHelp } from './flags.ts'
import { describeHost } from './host.ts'
import { freshMemoryGroup } from './memory-group.ts'
import { maxEndpoints, maxServices } from './model.ts'
import { freshNetns } from './netns.ts'
import { peerFigures } from './peer/measure-peers.ts'
import { peerFlags, peerHelp } from './peer/peer.ts'
import type { DriveInput } from './programming/drive.ts'
import { programmingFigures, type Round } from './programming/figures.ts'
import type { FloorInput } from './programming/floor.ts'
import { BATCH_CHANGES, type Floor, type LoadSizes, type Measured } from './programming/load.ts'
import type { Purpose, RecorderInput } from './programming/recorder.ts'
import { requireMode } from './proxy.ts'
import { deliver } from './report.ts'
import { runSuite } from './suite.ts'
import type { Teardown } from './teardown.ts'

const help = `hawser bench programming: how long Services take into the kernel, beside the kernel's own part

  --backend NAME      ${PROXY_MODES.join(', ')} (default nftables)
  --services N        Services with one TCP port each (default 10000)
  --endpoints N       ready endpoints of each Service (default 5)
  --changes N         changes of one thing each that are counted (default 1000; 200 but for nftables)
  --warm-up N         such changes before them that are not counted (default 10000; 100 but for nftables)
  --batches N         changes of ${BATCH_CHANGES} endpoints together (default 30; 6 but for nftables)
  --compare N[,N…]    also measure changes at N Services, in turns: a change should cost the same at any size
  --rounds N          measured process and floor in turns, each new; figures are medians (default 5)
${peerHelp}${sharedFlagsHelp}`

/** Where one change takes many milliseconds, the code that makes it is warm before long. */
const FEWER = { changes: 200, warmUp: 100, batches: 6 }
const DEFAULTS = { nftables: { changes: 1000, warmUp: 10_000, batches: 30 }, iptables: FEWER, ipvs: FEWER }

const flags = {
  backend: { type: 'string', default: 'nftables' },
  services: { type: 'string' },
  endpoints: { type: 'string' },
  changes: { type: 'string' },
  'warm-up': { type: 'string' },
  batches: { type: 'string' },
  compare: { type: 'string' },
  rounds: { type: 'string' },
  ...peerFlags,
  ...sharedFlags,
} as const

/** Entry point of `hawser bench programming`; resolves to the exit status. */
export const run = (args: readonly string[]): Promise<number> =>
  runSuite(args, help, async (teardown) => {
    const values = parseFlags(args, flags)
    const backend = proxyMode(values.backend)
    const defaults = DEFAULTS[backend]
    const sizes = checkedSizes({
      backend,
      services: count('services', values.services, 10_000),
      endpoints: count('endpoints', values.endpoints, 5),
      changes: count('changes', values.changes, defaults.changes),
      warmUp: count('warm-up', values['warm-up'], defaults.warmUp, 0),
      batches: count('batches', values.batches, defaults.batches),
    })
    const compared = counts('compare', values.compare, []).map((services) =>
      checkedSizes({ ...sizes, services }),
    )
    const host = describeHost()
    const rounds = await measure({ sizes, compared, rounds: count('rounds', values.rounds, 5) }, teardown)
    const figures = programmingFigures(rounds, sizes)
    return deliver(
      {
        suite: 'programming',
        parameters: {
          backend: sizes.backend,
          services: sizes.services,
          endpoints: sizes.endpoints,
          changes: sizes.changes,
          warm_up: sizes.warmUp,
          batches: sizes.batches,
          rounds: rounds.length,
          ...(compared.length === 0 ? {} : { compare: compared.map(({ services }) => services).join(',') }),
        },
        figures: [...figures, ...(await peerFigures(values, sizes, figures, teardown))],
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
  /** The same load on clusters of other sizes, for comparison. */
  readonly compared: readonly LoadSizes[]
  readonly rounds: number
}

async function measure({ sizes, compared, rounds }: Plan, teardown: Teardown): Promise<Round[]> {
  await requireMode(sizes.backend, teardown)
  const floor = await prepareFloor(sizes, teardown)
  const results: Round[] = []
  for (let round = 0; round < rounds; round++) {
    const measured = await measureOnce(sizes, teardown)
    const floorOfRound =
      floor &&
      ((await runInFreshNetns(
        'floor.js',
        { ...floor, memory: await freshMemoryGroup(teardown) },
        teardown,
      )) as Floor)
    const others = new Map<number, Measured>()
    for (const other of compared) others.set(other.services, await measureOnce(other, teardown))
    results.push({ measured, floor: floorOfRound, compared: others })
  }
  return results
}

const measureOnce = async (sizes: LoadSizes, teardown: Teardown): Promise<Measured> =>
  (await runInFreshNetns('measured.js', sizes, teardown)) as Measured

/** What the floor is to replay. IPVS has none: its requests are no transactions that stand for themselves. */
async function prepareFloor(
  sizes: LoadSizes,
  teardown: Teardown,
): Promise<Omit<FloorInput, 'netns' | 'memory'> | undefined> {
  if (sizes.backend === 'ipvs') return undefined
  const folder = mkdtempSync(join(tmpdir(), 'hw-bench-'))
  teardown.add(() => rm(folder, { recursive: true, force: true }))
  const recording = join(folder, 'transactions')
  const purposes = await runInFreshNetns('recorder.js', { ...sizes, recording }, teardown)
  return { recording, purposes: purposes as readonly Purpose[] }
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
