import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestCluster } from '../cluster/harness/test-cluster.ts'
import { ApiWorld } from './api-world.ts'
import { askPatiently, compare, type Difference } from './compare.ts'
import { type ComparedMode, type Contestant, hawser, kubeProxy, MODES } from './contestant.ts'
import { countFeatures } from './coverage.ts'
import { compareRules } from './iptables-rules.ts'
import { probesOf } from './probes.ts'
import { randomWorld } from './random-world.ts'
import { reportDifferences, reportJudgement } from './report.ts'
import type { World } from './service-draft.ts'
import { readSettings } from './settings.ts'
import { type Judgement, judge, type Suspicion } from './suspicion.ts'
import { wantedDifference } from './wanted-differences.ts'

const { seeds, areChosen } = readSettings(process.env)
const worlds = seeds.map((seed) => randomWorld(seed))

/** How long a proxy may take to a change on a machine where all of them and the control plane are busy. */
const SYNC_MS = 60_000

/** A world takes seconds; differences are looked at again and again, with patience. */
const WORLD_MS = 300_000

/** Services of all worlds that have each feature at least. */
const LEAST_OF_EACH = 4

interface Pair {
  readonly mode: ComparedMode
  readonly theirs: Contestant
  readonly ours: Contestant
}

let cluster: TestCluster
let api: ApiWorld
const pairs: Pair[] = []
const started: Contestant[] = []
const found = { probes: 0, wanted: new Map<string, number>() }

beforeAll(async () => {
  cluster = await TestCluster.start()
  api = new ApiWorld(cluster.admin)
  await api.prepare()
  for (const mode of MODES) {
    const theirs = await start(kubeProxy(cluster, mode))
    pairs.push({ mode, theirs, ours: await start(hawser(cluster.admin, mode)) })
  }
  // A kube-proxy takes seconds to its first sync.
  await whenInForce()
}, 120_000)

afterAll(async () => {
  const stopped = await Promise.allSettled(started.map(({ stop }) => stop()))
  await cluster?.dispose()
  print(`${found.probes} probes of ${worlds.length} worlds; wanted differences:`)
  for (const [name, times] of found.wanted) print(`  ${name}: ${times}`)
  expect(stopped.filter(({ status }) => status === 'rejected')).toEqual([])
}, 60_000)

describe('the fate of a connection is that of kube-proxy in the same mode', () => {
  it.each(worlds.map((world) => [world.seed, world] as const))(
    'world of seed %d',
    { timeout: WORLD_MS },
    async (_, world) => {
      const suspicions = await play(world)
      if (suspicions.length === 0) return
      for (const { step, mode, differences, rules } of suspicions) {
        print(`seen once, so it is played again: ${reportDifferences(world, step, mode, differences)}`)
        for (const line of rules) print(`mode ${mode}, seed ${world.seed}, step ${step + 1}: ${line}`)
      }
      const judgements = await playAgain(world, suspicions)
      const failures = judgements.flatMap(({ step, mode, judgement }) =>
        reportJudgement(world, step, mode, judgement),
      )
      if (failures.length > 0) throw new Error(failures.join('\n\n'))
    },
  )

  it.runIf(areChosen)('the chosen worlds have everything in them that worlds are meant to have', () => {
    const features = [...countFeatures(worlds)]
    print(features.map(([name, times]) => `${name} ${times}`).join(', '))
    expect(features.filter(([, times]) => times < LEAST_OF_EACH)).toEqual([])
  })
})

async function start(starting: Promise<Contestant>): Promise<Contestant> {
  const contestant = await starting
  started.push(contestant)
  return contestant
}

/** Plays a world, and says where proxies seemed to differ. */
async function play(world: World): Promise<readonly Suspicion[]> {
  await api.begin(world)
  const first = await suspect(world, 0)
  await api.proceed(world)
  return [...first, ...(await suspect(world, 1))]
}

async function suspect(world: World, step: 0 | 1): Promise<readonly Suspicion[]> {
  await whenInForce()
  const probes = probesOf(world, step)
  const suspicions = await Promise.all(
    pairs.map(async (pair) => {
      const { mode, theirs, ours } = pair
      const { differences, wanted } = await compare(probes, [theirs.lab, ours.lab], wantedDifference(mode))
      for (const [name, some] of wanted) found.wanted.set(name, (found.wanted.get(name) ?? 0) + some.length)
      return { step, mode, differences, rules: await rulesOf(pair) }
    }),
  )
  found.probes += probes.length * pairs.length
  return suspicions.filter(({ differences, rules }) => differences.length + rules.length > 0)
}

/** Plays a world from its beginning, and looks again where proxies seemed to differ. */
async function playAgain(
  world: World,
  suspicions: readonly Suspicion[],
): Promise<readonly (Pick<Suspicion, 'step' | 'mode'> & { readonly judgement: Judgement })[]> {
  await api.begin(world)
  const first = await judgeStep(suspicions.filter(({ step }) => step === 0))
  await api.proceed(world)
  return [...first, ...(await judgeStep(suspicions.filter(({ step }) => step === 1)))]
}

async function judgeStep(suspicions: readonly Suspicion[]) {
  await whenInForce()
  return Promise.all(
    suspicions.map(async (suspicion) => {
      const { step, mode, differences } = suspicion
      const [pair] = pairs.filter((one) => one.mode === mode)
      if (pair === undefined) throw new Error(`nobody compares mode ${mode}`)
      const probes = differences.map(({ probe }) => probe)
      const fates = await askPatiently(probes, [pair.theirs.lab, pair.ours.lab])
      const isWanted = (difference: Difference) => wantedDifference(mode)(difference) !== undefined
      return { step, mode, judgement: judge(suspicion, { fates, rules: await rulesOf(pair) }, isWanted) }
    }),
  )
}

/** How rules differ in the one mode in which they are to be the same. */
const rulesOf = async ({ mode, theirs, ours }: Pair): Promise<readonly string[]> =>
  mode === 'iptables' ? compareRules(theirs.lab.node, ours.lab.node) : []

/** Waits until every proxy has taken in all that the API server was told. */
async function whenInForce(): Promise<void> {
  const { addresses, port } = await api.mark()
  await Promise.all(
    started.map(async ({ lab }) => {
      for (const address of addresses) await lab.whenAnswered(address, port, SYNC_MS)
      await lab.forgetFlows()
    }),
  )
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}
