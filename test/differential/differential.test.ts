import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestCluster } from '../cluster/harness/test-cluster.ts'
import { ApiWorld } from './api-world.ts'
import { compare } from './compare.ts'
import { type ComparedMode, type Contestant, hawser, kubeProxy, MODES } from './contestant.ts'
import { countFeatures } from './coverage.ts'
import { compareRules } from './iptables-rules.ts'
import { probesOf } from './probes.ts'
import { randomWorld } from './random-world.ts'
import { reportFailure } from './report.ts'
import type { World } from './service-draft.ts'
import { readSettings } from './settings.ts'
import { wantedDifference } from './wanted-differences.ts'

const { worlds: count, seed } = readSettings(process.env)
const worlds = Array.from({ length: count }, (_, i) => randomWorld(seed + i))

/** How long a proxy may take to a change on a machine where all of them and the control plane are busy. */
const SYNC_MS = 60_000

/** A world takes seconds; differences are looked at again and again, with patience. */
const WORLD_MS = 180_000

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
  print(`${found.probes} probes of ${count} worlds, the first of seed ${seed}; wanted differences:`)
  for (const [name, times] of found.wanted) print(`  ${name}: ${times}`)
  expect(stopped.filter(({ status }) => status === 'rejected')).toEqual([])
}, 60_000)

describe(`the fate of a connection is that of kube-proxy in the same mode, seed ${seed}`, () => {
  it.each(worlds.map((world) => [world.seed, world] as const))(
    'world of seed %d',
    { timeout: WORLD_MS },
    async (_, world) => {
      await api.begin(world)
      await compareStep(world, 0)
      await api.proceed(world)
      await compareStep(world, 1)
    },
  )

  it.runIf(count >= 30)('30 worlds have everything in them that worlds are meant to have', () => {
    const features = [...countFeatures(worlds)]
    print(features.map(([name, times]) => `${name} ${times}`).join(', '))
    expect(features.filter(([, times]) => times === 0)).toEqual([])
  })
})

async function start(starting: Promise<Contestant>): Promise<Contestant> {
  const contestant = await starting
  started.push(contestant)
  return contestant
}

async function compareStep(world: World, step: 0 | 1): Promise<void> {
  await whenInForce()
  const probes = probesOf(world, step)
  const failures = await Promise.all(
    pairs.map(async ({ mode, theirs, ours }) => {
      const { differences, wanted } = await compare(probes, [theirs.lab, ours.lab], wantedDifference(mode))
      for (const [name, some] of wanted) found.wanted.set(name, (found.wanted.get(name) ?? 0) + some.length)
      const rules = mode === 'iptables' ? await compareRules(theirs.lab.node, ours.lab.node) : []
      return [
        ...(differences.length === 0 ? [] : [reportFailure(world, step, mode, differences)]),
        ...rules.map((line) => `seed ${world.seed}, step ${step}: ${line}`),
      ]
    }),
  )
  found.probes += probes.length * pairs.length
  if (failures.flat().length > 0) throw new Error(failures.flat().join('\n\n'))
}

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
